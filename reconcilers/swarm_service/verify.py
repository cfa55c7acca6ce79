"""Judging one service by a fresh look: converged, healthy, and how far it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcilers.swarm_service.advice import advice
from reconcilers.swarm_service.convergence import (
    Convergence,
    converge,
    held,
    progress_of,
    with_deadline,
)
from reconcilers.swarm_service.document import CONTAINER, dig
from reconcilers.swarm_service.health import SPACING, Verdict, judge
from reconcilers.swarm_service.memory import update_state
from reconcilers.swarm_service.observe import Observed
from reconcilers.swarm_service.ownership import (
    Owner,
    applied_generation,
    created_by_us,
    owner_of,
    service_name,
)
from reconcilers.swarm_service.plan import renamed
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import Rollout, rollout
from swarmkeeper.runtime.conditions import HEALTHY, OBSERVATION_FAILED, Condition, Status
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown

CONVERGED: Final = "Converged"

_IDENTITY: Final = ("serviceName", "serviceId", "created", "appliedGeneration")
_STATE: Final = (
    "image",
    "replicas",
    "updateState",
    "failingTasks",
    "healthCheck",
    "progress",
    "warnings",
)


def verify(target: Target[SwarmServiceSpec], observed: Observed) -> Verification:
    """Judges a fresh observation."""
    service, tasks, nodes, ids = observed.service, observed.tasks, observed.nodes, observed.ids
    if service is None and not isinstance(ids, Unknown):
        return _missing(target)
    if (
        service is None
        or isinstance(service, Unknown)
        or isinstance(tasks, Unknown)
        or isinstance(nodes, Unknown)
        or isinstance(ids, Unknown)
    ):
        return _unknown(target, "; ".join(observed.unknown()))
    count = _as_last_seen(target) if tasks is None else rollout(service, tasks, nodes, target.now)
    found = converge(target, service, ids, count)
    if renamed(target) or owner_of(target, service) not in (Owner.US, Owner.LOST):
        return _not_ours(target, found)
    progress = progress_of(target, service, count, found)
    found = held(target, service, with_deadline(target, found, progress))
    verdict = judge(target, observed, count)
    fields = _fields(target, service, count) | _extras(verdict, progress, target)
    return _verification(found, verdict, fields)


def _as_last_seen(target: Target[SwarmServiceSpec]) -> Rollout:
    """The tasks as an earlier pass counted them: a drift was more urgent than counting anew."""
    replicas = target.status["replicas"]
    errors = tuple(target.status.get("failingTasks", ()))
    return Rollout(replicas["desired"], replicas["running"], replicas["running"], errors)


def _verification(found: Convergence, verdict: Verdict, fields: Mapping[str, Any]) -> Verification:
    status = verdict.condition.status
    in_doubt = bool(verdict.doubt) and not found.failed
    return Verification(
        conditions=(
            Condition(CONVERGED, Status.of(found.done), found.reason, found.message),
            verdict.condition,
        ),
        healthy=None if status is Status.UNKNOWN else status is Status.TRUE,
        message=f"{found.message}; {verdict.doubt}" if in_doubt else found.message,
        progress=found.message if found.coming else "",
        failure=(found.reason, found.message) if found.failed else None,
        recheck=SPACING if in_doubt else None,
        fields=fields,
    )


def _fields(target: Target[SwarmServiceSpec], service: Service, count: Rollout) -> dict[str, Any]:
    state = update_state(service)
    applied = applied_generation(service)
    if state.startswith("rollback"):  # a rollback swaps the label back; what failed is known here
        applied = target.status.get("appliedGeneration", applied)
    fields = {
        "serviceName": service.name,
        "serviceId": service.id,
        "created": created_by_us(target, service),
        "appliedGeneration": applied,
        "image": dig(service.spec, (*CONTAINER, "Image"), ""),
        "replicas": {"desired": count.desired, "running": count.running},
        "updateState": state,
        "failingTasks": list(count.errors),
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _extras(
    verdict: Verdict, progress: Mapping[str, Any], target: Target[SwarmServiceSpec]
) -> dict[str, Any]:
    extras = {
        "healthCheck": dict(verdict.counter),
        "progress": dict(progress),
        "warnings": list(advice(target.spec)),
    }
    return {name: value for name, value in extras.items() if value}


def _carried(target: Target[SwarmServiceSpec], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: target.status[name] for name in names if name in target.status}


def _missing(target: Target[SwarmServiceSpec]) -> Verification:
    message = f"there is no service {service_name(target.ref, target.spec)}"
    return Verification(
        conditions=(
            Condition(CONVERGED, Status.FALSE, "ServiceMissing", message),
            Condition(HEALTHY, Status.FALSE, "ServiceMissing", message),
        ),
        healthy=False,
        message=message,
        fields=_carried(target, _IDENTITY),
    )


def _unknown(target: Target[SwarmServiceSpec], message: str) -> Verification:
    return Verification(
        conditions=(
            Condition(CONVERGED, Status.UNKNOWN, OBSERVATION_FAILED, message),
            Condition(HEALTHY, Status.UNKNOWN, OBSERVATION_FAILED, message),
        ),
        healthy=None,
        message=message,
        fields=_carried(target, (*_IDENTITY, *_STATE)),
    )


def _not_ours(target: Target[SwarmServiceSpec], found: Convergence) -> Verification:
    return Verification(
        conditions=(
            Condition(CONVERGED, Status.FALSE, found.reason, found.message),
            Condition(HEALTHY, Status.UNKNOWN, found.reason, found.message),
        ),
        healthy=None,
        message=found.message,
        failure=(found.reason, found.message) if found.failed else None,
        fields=_carried(target, _IDENTITY),
    )
