"""The issuer Traefik: it renews by itself, at its start and once a day, whatever else is said to it.

There is no command for it, so it is restarted, inside its own time of renewal only: outside it would change
nothing. It is restarted too where it shows its default certificate: it asks a CA that was not there at its
start no second time. Pure, but for `restart`.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.forcing import DEFAULT
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import Pause
from reconcilers.certificate.policy import Finding, due, told
from reconcilers.certificate.spec import CertificateSpec, TraefikIssuer
from swarmkeeper.runtime.certificates import Facts
from swarmkeeper.runtime.errors import Retry, Stalled, Wait
from swarmkeeper.runtime.plan import Action, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, Service, Swarm
from swarmkeeper.runtime.unknown import Unknown

RESTART: Final = "restart-server"
_BETWEEN: Final = timedelta(hours=1)
_LEAST: Final = timedelta(minutes=15)
_FORCE: Final = "ForceUpdate"
_RUN: Final = "swarmkeeper.dev/restarted-for"


def reason_to_restart(target: Target[CertificateSpec], observed: Observed) -> Finding | None:
    """Why Traefik is to renew now; None while what it shows is well, or not its matter yet."""
    traefik = target.spec.traefik
    if traefik is None or isinstance(observed.served, Unknown):
        return None
    for one in observed.served:
        if isinstance(one.facts, Unknown):
            continue
        if one.facts.subject == DEFAULT:
            return "DoesNotExist", f"{one.endpoint} shows Traefik's default certificate"
        if _is_its_matter(target, traefik, one.facts):
            return "Expiring", f"{one.endpoint} shows one that ends at {told(one.facts.not_after)}"
    return None


def pause_of_restarts(target: Target[CertificateSpec], observed: Observed) -> Pause | None:
    """Why Traefik is left alone now: it was restarted a while ago, or there is none."""
    service = observed.server
    if isinstance(service, Unknown):
        return Pause(target.now + _LEAST, "ServerUnknown", service.reason)
    if service is None:
        return Pause(target.now + _LEAST, "ServerMissing", "there is no such service")
    if (hold := hold_of(service.spec, target.now)) is not None:
        return Pause(hold.until, "Held", str(hold))
    until = datetime.fromisoformat(service.updated_at) + _patience(target, observed)
    message = f"service {service.name} was changed at {service.updated_at[:19]} and did not renew"
    return Pause(until, "NotRenewed", message) if until > target.now else None


def restart_action(
    target: Target[CertificateSpec], service: Service, reason: Finding, *, urgent: bool
) -> Action:
    """The step: all tasks of Traefik start anew, in the way that its service declares."""
    force = _forced(service.spec)
    traefik = target.spec.traefik
    return Action(
        RESTART,
        f"service/{service.name}",
        before={_FORCE: force},
        after={_FORCE: force + 1},
        reason=": ".join(reason),
        risk=Risk.MEDIUM,
        confirm=traefik is None or traefik.confirm,
        urgent=urgent,
    )


def restart(target: Target[CertificateSpec], action: Action, swarm: Swarm) -> str:
    """Takes the step.

    Raises:
        Retry: the service has changed meanwhile.
        Wait: another object works on it.
        Stalled: the engine refuses, or this object has no Traefik.
    """
    traefik = target.spec.traefik
    if traefik is None:
        raise Stalled("this object has no issuer traefik", reason="NotAllowed")
    if swarm.service(traefik.service) is None:
        raise Retry(f"there is no service {traefik.service}", reason="ServerMissing")
    try:
        replaced = swarm.update(traefik.service, lambda fresh: _forced_on(target, fresh, action))
    except OutOfSequence as error:
        raise Retry(f"others keep changing the service: {error}", reason="WorldMoved") from error
    except Refused as error:
        raise Stalled(str(error), reason="Refused") from error
    return f"restarted {traefik.service}" if replaced else "had been restarted already"


def _forced_on(
    target: Target[CertificateSpec], fresh: Service, action: Action
) -> JsonObject | None:
    """The spec that starts all tasks anew; None where the step was taken already."""
    if (hold := hold_of(fresh.spec, target.now)) is not None:
        raise Wait(str(hold), reason="Held", after=hold.until - target.now)
    force, run = _forced(fresh.spec), str(action.parameters.get("run", ""))
    done = fresh.spec.get("Labels", {}).get(_RUN) == run if run else force == action.after[_FORCE]
    if done:
        return None
    if not run and force != action.before[_FORCE]:
        raise Retry(f"service {fresh.name} was restarted meanwhile", reason="WorldMoved")
    document = copy.deepcopy(fresh.spec)
    document["TaskTemplate"][_FORCE] = force + 1
    if run:
        document.setdefault("Labels", {})[_RUN] = run
    return document


def _is_its_matter(target: Target[CertificateSpec], traefik: TraefikIssuer, facts: Facts) -> bool:
    """Whether it is due by the object and by Traefik, which renews nothing earlier."""
    now = target.now
    return due(target.spec, facts) <= now and facts.not_after - traefik.renew_period < now


def _patience(target: Target[CertificateSpec], observed: Observed) -> timedelta:
    """How long a restart is given: an hour, or a tenth of the time that is left."""
    shown = [] if isinstance(observed.served, Unknown) else observed.served
    ends = [one.facts.not_after for one in shown if isinstance(one.facts, Facts)]
    left = min(ends, default=target.now) - target.now
    return min(_BETWEEN, max(left / 10, _LEAST))


def _forced(spec: JsonObject) -> int:
    return int(spec["TaskTemplate"].get(_FORCE, 0))
