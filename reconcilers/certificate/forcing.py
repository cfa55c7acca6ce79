"""When Traefik is made to renew before its own time, and what stands against it. Pure.

It renews nothing earlier by itself, so the certificate is taken out of its file while it is stopped; see
procedure.py for the steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.journal import Journal, journal_of
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import FORCED, Pause, pause
from reconcilers.certificate.policy import Finding, due, told
from reconcilers.certificate.spec import CertificateSpec
from swarmkeeper.runtime.certificates import Facts, Served
from swarmkeeper.runtime.plan import Action, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown

FORCE: Final = "force-renewal"
DEFAULT: Final = "CN=TRAEFIK DEFAULT CERT"
"""Subject of what Traefik shows where it has no certificate."""
_SOON: Final = timedelta(minutes=15)


def own_journal(target: Target[CertificateSpec], observed: Observed) -> Journal | None:
    """The renewal that is under way for this object, or None."""
    if not isinstance(observed.server, Service):
        return None
    journal = journal_of(observed.server.spec)
    return journal if journal is not None and journal.object == str(target.ref) else None


def reason_to_force(target: Target[CertificateSpec], observed: Observed) -> Finding | None:
    """Why Traefik is to renew though it would not; None while what it shows is not due, or its matter."""
    traefik = target.spec.traefik
    if traefik is None or traefik.storage is None or isinstance(observed.served, Unknown):
        return None
    for one in observed.served:
        facts = one.facts
        if isinstance(facts, Unknown) or facts.subject == DEFAULT:
            continue
        early = facts.not_after - traefik.renew_period >= target.now
        if early and due(target.spec, facts) <= target.now:
            ends, its = told(facts.not_after), told(facts.not_after - traefik.renew_period)
            message = (
                f"{one.endpoint} shows one that ends at {ends}, and Traefik renews it from {its} on"
            )
            return "Expiring", message
    return None


def candidate(served: Iterable[Served], stored: Iterable[Facts]) -> Facts | None:
    """The certificate to renew: the one that ends first of those that are shown and in the file."""
    known = {one.serial for one in stored}
    shown = [one.facts for one in served if isinstance(one.facts, Facts)]
    found = [facts for facts in shown if facts.serial in known]
    return min(found, key=lambda facts: facts.not_after, default=None)


def obstacle(target: Target[CertificateSpec], service: Service) -> Finding | None:
    """Why the service can't be stopped and started; None where it can."""
    hold = hold_of(service.spec, target.now)
    mode: JsonObject = service.spec.get("Mode") or {}
    replicated = mode.get("Replicated")
    if hold is not None and hold.by != str(target.ref):
        return "Held", str(hold)
    if replicated is None:
        return "NotSupported", "a global service: Traefik's ACME works with one replica only"
    replicas = replicated.get("Replicas", 0)
    if replicas != 1:
        return "NotSupported", f"{replicas} replicas: Traefik's ACME works with one only"
    state = str(service.update_status.get("State") or "")
    if state in {"updating", "rollback_started"}:
        return "ServerUpdating", f"Swarm is at work on it ({state})"
    return None


def unseen(served: Iterable[Served]) -> Finding | None:
    """Which endpoint can't be asked: then nobody would see whether a renewal has worked."""
    for one in served:
        if isinstance(one.facts, Unknown):
            return "EndpointUnreachable", f"{one.endpoint}: {one.facts.reason}"
    return None


def pause_of_forcing(target: Target[CertificateSpec], observed: Observed) -> Pause | None:
    """Why Traefik is left alone now; None where nothing stands against it."""
    later = target.now + _SOON
    service, stored, served = observed.server, observed.stored, observed.served
    if isinstance(service, Unknown) or isinstance(served, Unknown):
        return Pause(later, "ServerUnknown", "it is not known how it is")
    if service is None:
        return Pause(later, "ServerMissing", "there is no such service")
    found = obstacle(target, service) or unseen(served)
    if found is not None:
        return Pause(later, found[0], f"service {service.name}: {found[1]}")
    if not isinstance(stored, tuple):
        message = stored.reason if isinstance(stored, Unknown) else "it is not declared"
        return Pause(later, "StorageUnreadable", message)
    facts = candidate(served, stored)
    if facts is None:
        return Pause(later, "NotInStorage", "what is shown is not in Traefik's file")
    return pause(observed.attempts, target.now, facts.not_after, FORCED)


def force_action(
    target: Target[CertificateSpec],
    service: Service,
    facts: Facts,
    reason: Finding,
    *,
    urgent: bool,
) -> Action:
    """The step that begins a renewal."""
    traefik = target.spec.traefik
    return Action(
        FORCE,
        f"service/{service.name}",
        before={"serial": facts.serial},
        after=_after(target, facts.names),
        reason=": ".join(reason),
        risk=Risk.HIGH,
        parameters={"at": target.now.isoformat()},
        confirm=traefik is None or traefik.confirm,
        urgent=urgent,
    )


def resume_action(target: Target[CertificateSpec], service: Service, journal: Journal) -> Action:
    """The same step while it is under way: nothing holds it, for Traefik may be stopped."""
    by_hand = {"run": journal.key} if journal.by_hand else {}
    return Action(
        FORCE,
        str(target.ref) if by_hand else f"service/{service.name}",
        before={} if by_hand else {"serial": journal.serial},
        after=by_hand or _after(target, journal.names),
        reason=f"the renewal of {journal.serial} is under way: {journal.step}",
        risk=Risk.HIGH,
        parameters={**by_hand, "resume": journal.key},
        urgent=True,
        completes=True,
    )


def _after(target: Target[CertificateSpec], names: Iterable[str]) -> dict[str, object]:
    traefik = target.spec.traefik
    resolver = traefik.storage.resolver if traefik and traefik.storage else ""
    return {"resolver": resolver, "names": list(names)}
