"""Judges a certificate by a fresh look: what clients are shown counts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.figures import figures
from reconcilers.certificate.forcing import own_journal, reason_to_force
from reconcilers.certificate.journal import Journal
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import failures
from reconcilers.certificate.plan import pause_of, plan, reason_to_renew
from reconcilers.certificate.policy import Finding, findings, stored_findings, told, uncovered
from reconcilers.certificate.spec import CertificateSpec, asked_of
from reconcilers.certificate.suggestion import due_by
from reconcilers.certificate.suggestion import fields as told_of_suggestion
from reconcilers.certificate.traefik import pause_of_restarts, reason_to_restart
from swarmkeeper.runtime.certificates import Facts, Served
from swarmkeeper.runtime.conditions import Condition, Status, stamp
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown

SERVED: Final = "Served"
ISSUING: Final = "Issuing"
PATIENCE: Final = timedelta(minutes=1)
"""How long servers may take to show what has been published."""
Problem = tuple[Status, str, str]


def verify(target: Target[CertificateSpec], observed: Observed) -> Verification:
    """Judges a fresh observation."""
    served = observed.served
    if isinstance(served, Unknown):
        message = served.reason
        return Verification(
            conditions=(Condition(SERVED, Status.UNKNOWN, observed.reason, message),),
            healthy=None,
            message=message,
            figures=figures((), None, None, Status.UNKNOWN),
        )
    shown, issuing = _served(target, observed, served), _issuing(target, observed)
    current = _current(served, observed)
    when = due_by(target, observed, current) if current else None
    healthy = {Status.TRUE: True, Status.FALSE: False}.get(shown[0])
    stale = any(_differs(one, observed) for one in served) or reason_to_restart(target, observed)
    journal = own_journal(target, observed)
    fresh = bool(journal) or (_is_fresh(target.now, observed) and bool(stale))
    failure = _failure(shown, issuing, corrected=fresh or bool(plan(target, observed).actions))
    return Verification(
        conditions=(Condition(SERVED, *shown), Condition(ISSUING, *issuing)),
        healthy=None if fresh else healthy if failure is None else False,
        message=failure[1] if failure else shown[2],
        progress=_progress(journal) if fresh else "",
        failure=failure,
        recheck=_recheck(target, observed, current) if not fresh else None,
        fields=_fields(when, served, current) | _ordered(target, observed),
        figures=figures(served, current, when, shown[0] if failure is None else Status.FALSE),
    )


def _progress(journal: Journal | None) -> str:
    if journal is not None:
        return f"Traefik renews {journal.serial} ({journal.step})"
    return "the servers have not taken up the new certificate yet"


def _failure(shown: Problem, issuing: Problem, *, corrected: bool) -> Finding | None:
    if corrected:
        return None
    bad = next(
        (one for one in (issuing, shown) if one[0] is Status.FALSE and one[1] != "NotDue"), None
    )
    return (bad[1], bad[2]) if bad else None


def _served(
    target: Target[CertificateSpec], observed: Observed, served: tuple[Served, ...]
) -> Problem:
    bad, unseen = [], []
    for one in served:
        where = _where(one)
        if isinstance(one.facts, Unknown):
            unseen.append(f"{where}: {one.facts.reason}")
            continue
        bad += [(reason, f"{where}: {text}") for reason, text in _wrong(target, observed, one)]
    if bad:
        return Status.FALSE, bad[0][0], "; ".join(text for _, text in bad)
    if unseen:
        return Status.UNKNOWN, "EndpointUnreachable", "; ".join(unseen)
    ends = min(one.facts.not_after for one in served if isinstance(one.facts, Facts))
    return (
        Status.TRUE,
        SERVED,
        f"valid until {told(ends)} at {len(served)} of {len(served)} addresses",
    )


def _wrong(target: Target[CertificateSpec], observed: Observed, one: Served) -> Iterator[Finding]:
    if not isinstance(one.facts, Facts):
        return
    yield from findings(target.spec, one.facts, target.now)
    if missing := uncovered([one.endpoint.server_name], one.facts):
        yield "NameMismatch", f"it does not stand for {missing[0]}, which was asked for"
    published = observed.published.facts if observed.published else None
    if published is not None and _differs(one, observed):
        yield "ServedDiffers", f"it shows {one.facts.serial}, but {published.serial} is published"


def _differs(one: Served, observed: Observed) -> bool:
    """Whether an address shows another certificate than the one that is published."""
    published = observed.published.facts if observed.published else None
    if published is None or isinstance(one.facts, Unknown):
        return False
    return published.fingerprint != one.facts.fingerprint


def _issuing(target: Target[CertificateSpec], observed: Observed) -> Problem:
    """True while a new certificate is due and there is a way to it."""
    if target.spec.acme is not None:
        return _ordering(target, observed)
    if target.spec.traefik is not None:
        return _restarting(target, observed)
    if observed.brought is None:
        return Status.FALSE, "NotDue", "nobody is asked for new ones: it is only watched"
    for reason, text in stored_findings(target.spec, observed.brought, target.now):
        return Status.FALSE, reason, f"the certificate that was brought can't help: {text}"
    for action in plan(target, observed).actions:
        return Status.TRUE, "Publishing", action.reason
    return Status.FALSE, "NotDue", "what was brought is published"


def _ordering(target: Target[CertificateSpec], observed: Observed) -> Problem:
    reason, held = reason_to_renew(target, observed), pause_of(target, observed)
    if reason is None:
        return Status.FALSE, "NotDue", "the published certificate is not due"
    if held is None:
        return Status.TRUE, reason[0], reason[1]
    text = f"{held.message}; the next attempt is at {told(held.until)}"
    return Status.FALSE, held.reason, f"{reason[0]}: {text}"


def _restarting(target: Target[CertificateSpec], observed: Observed) -> Problem:
    if (journal := own_journal(target, observed)) is not None:
        return Status.TRUE, "Renewing", f"{journal.serial} is being renewed: {journal.step}"
    reason, held = reason_to_restart(target, observed), pause_of_restarts(target, observed)
    if reason is None and reason_to_force(target, observed) is not None:
        return _ordering(target, observed)
    if reason is None:
        return Status.FALSE, "NotDue", "Traefik would renew nothing now"
    if held is None:
        return Status.TRUE, reason[0], reason[1]
    return Status.FALSE, held.reason, f"{reason[1]}; {held.message}"


def _is_fresh(now: datetime, observed: Observed) -> bool:
    written = observed.published.written if observed.published else None
    if isinstance(observed.server, Service):
        written = datetime.fromisoformat(observed.server.updated_at)
    return written is not None and now - written < PATIENCE


def _current(served: tuple[Served, ...], observed: Observed) -> Facts | None:
    """The certificate that ends first of those that clients are shown, or the published one."""
    shown = [one.facts for one in served if isinstance(one.facts, Facts)]
    if shown:
        return min(shown, key=lambda facts: facts.not_after)
    return observed.published.facts if observed.published else None


def _recheck(
    target: Target[CertificateSpec], observed: Observed, current: Facts | None
) -> timedelta | None:
    """When it becomes due or the CA may be asked again, where that is before the next look."""
    held = pause_of(target, observed) if reason_to_renew(target, observed) else None
    times = [held.until] if held else []
    times += [due_by(target, observed, current)] if current else []
    left = min((time - target.now for time in times if time > target.now), default=None)
    return left if left is not None and left < target.spec.interval else None


def _ordered(target: Target[CertificateSpec], observed: Observed) -> JsonObject:
    """What came of the last orders, with cert-manager's names."""
    failed = failures(observed.attempts)
    fields: JsonObject = {}
    if failed:
        fields["failedIssuanceAttempts"] = len(failed)
        fields["lastFailureTime"] = stamp(failed[-1].time)
    held = pause_of(target, observed) if reason_to_renew(target, observed) else None
    if held is not None:
        fields["nextIssuanceTime"] = stamp(held.until)
    if asked_of(target.spec) is not None:
        fields["issuedThisWeek"] = sum(bool(one.serial) for one in observed.attempts)
    return fields | told_of_suggestion(observed.suggested)


def _fields(when: datetime | None, served: tuple[Served, ...], current: Facts | None) -> JsonObject:
    fields: JsonObject = {"endpoints": [_endpoint(one) for one in served]}
    if current is not None and when is not None:
        fields |= {
            "notBefore": stamp(current.not_before),
            "notAfter": stamp(current.not_after),
            "renewalTime": stamp(when),
            "serial": current.serial,
            "issuer": current.issuer,
        }
    return fields


def _endpoint(one: Served) -> JsonObject:
    document: JsonObject = {
        "endpoint": str(one.endpoint),
        "serverName": one.endpoint.server_name,
        "address": one.address,
    }
    if isinstance(one.facts, Unknown):
        return document | {"unreachable": one.facts.reason}
    return document | {"serial": one.facts.serial, "notAfter": stamp(one.facts.not_after)}


def _where(one: Served) -> str:
    if one.address in {"", one.endpoint.host}:
        return str(one.endpoint)
    return f"{one.endpoint} ({one.address})"
