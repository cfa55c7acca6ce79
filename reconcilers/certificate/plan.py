"""Decides what to do about a certificate. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from desired_state.windows import next_opening
from reconcilers.certificate.forcing import (
    candidate,
    force_action,
    own_journal,
    pause_of_forcing,
    reason_to_force,
    resume_action,
)
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import Pause, pause
from reconcilers.certificate.policy import Finding, stored_findings
from reconcilers.certificate.spec import AcmeIssuer, CertificateSpec
from reconcilers.certificate.suggestion import is_exempt, replaces, suggestion
from reconcilers.certificate.traefik import (
    pause_of_restarts,
    reason_to_restart,
    restart_action,
)
from swarmkeeper.runtime.certificates import Facts
from swarmkeeper.runtime.diff import ABSENT, FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown

_RENEWED: Final = frozenset(
    {
        *("DoesNotExist", "MissingData", "InvalidCertificate", "InvalidKeyPair"),
        *("Expired", "Expiring", "NameMismatch"),
    }
)
MARGIN: Final = timedelta(hours=1)
"""A window that opens later than this before a certificate's end is too late to wait for."""


def plan(target: Target[CertificateSpec], observed: Observed) -> Plan:
    """The drift, and the steps that correct it."""
    if (under_way := renewal_under_way(target, observed)) is not None:
        return under_way
    if isinstance(observed.served, Unknown):
        return Plan(unknown=(observed.served.reason,))
    if target.spec.acme is not None:
        return _renewal(target, observed, target.spec.acme)
    if target.spec.traefik is not None:
        return _restart(target, observed)
    steps = tuple(_publications(target, observed))
    return Plan(drift=tuple(_drift(target, steps)), actions=steps)


def renewal_under_way(target: Target[CertificateSpec], observed: Observed) -> Plan | None:
    """The next step of a forced renewal, whatever else is so: Traefik may be stopped."""
    journal, service = own_journal(target, observed), observed.server
    if journal is None or not isinstance(service, Service):
        return None
    path = "spec.issuer.traefik"
    drift = FieldDiff(path, "a new certificate", journal.serial, target.origin_of(path))
    return Plan(drift=(drift,), actions=(resume_action(target, service, journal),))


def reason_to_renew(target: Target[CertificateSpec], observed: Observed) -> Finding | None:
    """Why a certificate is to be ordered; None while the published one is well.

    A chain that is not trusted, and a beginning that lies ahead, are no reasons: the next one would be
    the same.
    """
    published = observed.published
    if target.spec.traefik is not None:
        return reason_to_force(target, observed)
    if target.spec.acme is None or published is None:
        return None
    wrong = stored_findings(target.spec, published, target.now)
    found = next((one for one in wrong if one[0] in _RENEWED), None)
    return found or suggestion(target, observed)


def pause_of(target: Target[CertificateSpec], observed: Observed) -> Pause | None:
    """Why the CA is not asked now, or None."""
    acme, published = target.spec.acme, observed.published
    if target.spec.traefik is not None:
        return pause_of_forcing(target, observed)
    if acme is None or published is None:
        return None
    present = published.facts
    ends = present.not_after if present else None
    told = replaces(target.spec, observed.suggested, present, observed.attempts)
    exempt = is_exempt(observed.suggested, replaces=told, now=target.now)
    limit = None if exempt else acme.certificates_per_week
    return pause(observed.attempts, target.now, ends, limit)


def _renewal(target: Target[CertificateSpec], observed: Observed, acme: AcmeIssuer) -> Plan:
    reason, published = reason_to_renew(target, observed), observed.published
    if reason is None or published is None:
        return Plan()
    present = published.facts
    got = present.serial if present else ABSENT
    path = "spec.dnsNames" if reason[0] == "NameMismatch" else "spec.issuer.acme"
    drift = (FieldDiff(path, "a valid certificate", got, target.origin_of(path)),)
    if pause_of(target, observed) is not None:
        return Plan(drift=drift)
    action = Action(
        "renew",
        f"certificate/{target.ref.name}",
        before={"serial": present.serial if present else None},
        after={"names": list(target.spec.dns_names), "issuer": acme.server},
        reason=": ".join(reason),
        risk=Risk.LOW,
        urgent=urgent(target, present),
    )
    return Plan(drift=drift, actions=(action,))


def _restart(target: Target[CertificateSpec], observed: Observed) -> Plan:
    reason, service = reason_to_restart(target, observed), observed.server
    if isinstance(service, Unknown):
        return Plan(unknown=(service.reason,))
    if reason is None:
        return _forced(target, observed)
    path = "spec.issuer.traefik"
    drift = (FieldDiff(path, "a valid certificate", reason[1], target.origin_of(path)),)
    if service is None or pause_of_restarts(target, observed) is not None:
        return Plan(drift=drift)
    shown = [] if isinstance(observed.served, Unknown) else observed.served
    ends = [one.facts for one in shown if isinstance(one.facts, Facts)]
    hurry = urgent(target, min(ends, key=lambda facts: facts.not_after, default=None))
    return Plan(drift=drift, actions=(restart_action(target, service, reason, urgent=hurry),))


def _forced(target: Target[CertificateSpec], observed: Observed) -> Plan:
    reason, service, stored = reason_to_force(target, observed), observed.server, observed.stored
    if reason is None:
        return Plan()
    path = "spec.issuer.traefik"
    drift = (FieldDiff(path, "a valid certificate", reason[1], target.origin_of(path)),)
    held = pause_of_forcing(target, observed)
    if held is not None or isinstance(observed.served, Unknown):
        return Plan(drift=drift)
    facts = candidate(observed.served, stored) if isinstance(stored, tuple) else None
    if facts is None or not isinstance(service, Service):
        return Plan(drift=drift)
    hurry = urgent(target, facts)
    return Plan(drift, (force_action(target, service, facts, reason, urgent=hurry),))


def urgent(target: Target[CertificateSpec], facts: Facts | None) -> bool:
    """Whether no window opens in time: a certificate must not end because nobody might renew it."""
    if facts is None or not target.spec.windows:
        return False
    opening = next_opening(target.spec.windows, target.now)
    return opening is None or opening > facts.not_after - min(MARGIN, facts.lifetime / 10)


def usable(spec: CertificateSpec, observed: Observed, now: datetime) -> Facts | None:
    """The certificate that was brought, if servers may show it: one that is merely due is."""
    brought = observed.brought
    if brought is None:
        return None
    bad = [reason for reason, _ in stored_findings(spec, brought, now) if reason != "Expiring"]
    return None if bad else brought.facts


def _publications(target: Target[CertificateSpec], observed: Observed) -> Iterator[Action]:
    published = observed.published
    wanted = usable(target.spec, observed, target.now)
    if published is None or wanted is None:
        return
    present = published.facts
    if present is not None and present.fingerprint == wanted.fingerprint:
        return
    yield Action(
        "publish",
        f"certificate/{target.ref.name}",
        before={"serial": present.serial if present else None},
        after={"serial": wanted.serial},
        reason=f"{_why(published.problem, present)}: one that ends at {wanted.not_after} was brought",
        risk=Risk.LOW,
        parameters={"fingerprint": wanted.fingerprint},
        urgent=urgent(target, present),
    )


def _why(problem: str, present: Facts | None) -> str:
    if present is None:
        return f"none that can be used is published ({problem})"
    return f"the published one ends at {present.not_after}"


def _drift(target: Target[CertificateSpec], steps: tuple[Action, ...]) -> Iterator[FieldDiff]:
    path = "spec.issuer.files"
    for step in steps:
        got = step.before["serial"] or ABSENT
        yield FieldDiff(path, step.after["serial"], got, target.origin_of(path))
