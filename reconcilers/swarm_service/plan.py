"""Deciding what to do about one service. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from reconcilers.swarm_service.declared import References, declared_fields
from reconcilers.swarm_service.document import labels
from reconcilers.swarm_service.fields import Field, differing, drift_of
from reconcilers.swarm_service.memory import remembered_spec, update_state, was_rolled_back
from reconcilers.swarm_service.observe import Observed
from reconcilers.swarm_service.ownership import (
    OBJECT,
    Owner,
    created_by_us,
    owner_of,
    service_name,
    target_name,
)
from reconcilers.swarm_service.parts import DeletionPolicy
from reconcilers.swarm_service.settings import mode_of
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import failures, rollout, without_ids
from swarmkeeper.runtime.diff import ABSENT, FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown

REPLICAS: Final = "spec.replicas"
RUNNING: Final = "status.replicas.running"
SETTLE_AFTER: Final = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class _View:
    """A service that exists, and what differs."""

    target: Target[SwarmServiceSpec]
    service: Service
    ids: References
    fields: tuple[Field, ...]

    @property
    def drift(self) -> tuple[FieldDiff, ...]:
        return drift_of(self.target, self.fields, self.service.spec)


def plan(target: Target[SwarmServiceSpec], observed: Observed) -> Plan:
    """What differs, and the steps that put it right."""
    unknown = observed.unknown()
    service, ids = observed.service, observed.ids
    if unknown or isinstance(service, Unknown) or isinstance(ids, Unknown):
        return Plan(unknown=unknown)
    if service is None:
        return _plan_missing(target, ids)
    fields = declared_fields(target.spec, target.declared, ids)
    view = _View(target, service, ids, differing(fields, service.spec))
    drift = (*_update_drift(view), *view.drift)
    failed = failures(observed.tasks) if isinstance(observed.tasks, tuple) else ()
    blocked = blocked_by(target, service, ids, bool(view.fields), failed)
    if blocked:
        return Plan(drift=drift, blocked=blocked)
    if hold_of(service.spec, target.now) is not None:
        return Plan(drift=drift)  # another object works on it, and puts it back
    if update_state(service) == "rollback_started":
        return Plan(drift=drift)  # the engine is at work; what it ends in will be seen
    adopt = _adopt(view)
    steps = (*adopt, *_correct(view))
    surplus = () if steps else _surplus(view, observed)
    if surplus:
        return Plan(drift=(*drift, *surplus), actions=(_settle(view, surplus),))
    return Plan(drift=(*_owner_drift(view, adopt), *drift), actions=steps)


def finalize(target: Target[SwarmServiceSpec], observed: Observed) -> Plan:
    """What to undo when the object was deleted: only what is ours."""
    service = observed.service
    if isinstance(service, Unknown):
        return Plan(unknown=observed.unknown())
    if service is None or owner_of(target, service) not in (Owner.US, Owner.LOST):
        return Plan()
    default = DeletionPolicy.DELETE if created_by_us(target, service) else DeletionPolicy.ORPHAN
    if (target.spec.deletion_policy or default) is DeletionPolicy.DELETE:
        reason = "the object was deleted, and its deletionPolicy is Delete"
        change = {"service": "present"}, {"service": ABSENT}
        return Plan(actions=(_step(target, "remove", change, reason, Risk.HIGH),))
    if owner_of(target, service) is Owner.LOST:
        return Plan()
    reason = "the object was deleted, and its deletionPolicy is Orphan"
    change = {"owner": str(target.ref)}, {"owner": ABSENT}
    return Plan(actions=(_step(target, "release", change, reason),))


def blocked_by(
    target: Target[SwarmServiceSpec],
    service: Service,
    ids: References,
    drifted: bool,
    failed: Sequence[str],
) -> tuple[str, str] | None:
    """(reason, message) of what only a human can settle, or None.

    Args:
        target: which object.
        service: as observed.
        ids: of what the spec refers to.
        drifted: whether a declared field differs.
        failed: what the engine says of tasks that failed.
    """
    return (
        _not_ours(target, service)
        or _wrong_mode(target, service)
        or _missing(target, ids if drifted else None)
        or _failed_update(target, service, drifted, failed)
    )


def renamed(target: Target[SwarmServiceSpec]) -> tuple[str, str] | None:
    """(reason, message) if the object used to keep a service of another name."""
    name, before = service_name(target.ref, target.spec), target.status.get("serviceName")
    if before in (None, name):
        return None
    return (
        "ServiceRenamed",
        (
            f"the object keeps service {before}, and its name was changed to {name}: change it back, "
            "or delete the object and declare another one"
        ),
    )


def _not_ours(target: Target[SwarmServiceSpec], service: Service) -> tuple[str, str] | None:
    owner = owner_of(target, service)
    if owner is Owner.OTHER:
        other = labels(service.spec)[OBJECT]
        return (
            "ForeignOwner",
            (
                f"service {service.name} belongs to {other}: delete one of the two objects, or name "
                f"another service (label {OBJECT})"
            ),
        )
    if owner is Owner.NOBODY and not target.spec.adopt:
        return (
            "NotAdopted",
            (
                f"service {service.name} exists and no object owns it: set spec.adopt to true to take "
                "it over, or name another service"
            ),
        )
    return renamed(target)


def _wrong_mode(target: Target[SwarmServiceSpec], service: Service) -> tuple[str, str] | None:
    spec, live = target.spec, mode_of(service.spec)
    if live not in ("replicated", "global"):
        return "UnsupportedMode", f"service {service.name} is a {live}: this kind keeps services"
    wanted = spec.service_mode or ("replicated" if spec.replicas is not None else live)
    if str(wanted) == live:
        return None
    return (
        "ModeImmutable",
        (
            f"service {service.name} is {live} and {wanted} is declared; Swarm can't change that: "
            "remove the service and it is created anew, or declare the mode that it has"
        ),
    )


def _missing(target: Target[SwarmServiceSpec], ids: References | None) -> tuple[str, str] | None:
    missing = ids.missing(target.spec) if ids else ()
    if not missing:
        return None
    return "ReferenceMissing", f"the swarm has no {' and no '.join(missing)}: create it first"


def _failed_update(
    target: Target[SwarmServiceSpec], service: Service, drifted: bool, failed: Sequence[str]
) -> tuple[str, str] | None:
    state = update_state(service)
    words = without_ids(str(service.update_status.get("Message") or "no message"))
    said = "; ".join((words, *failed))
    resume = "change the declaration, or ask for the runbook resume-update"
    if drifted and was_rolled_back(target, service):
        return "RolledBack", f"Swarm rolled back what is declared ({said}): {resume}"
    if state == "rollback_paused":
        return "RollbackPaused", f"Swarm stopped in the middle of a rollback ({said}): {resume}"
    if state == "paused" and not drifted:
        return "UpdatePaused", f"Swarm paused the update ({said}): {resume}"
    return None


def _plan_missing(target: Target[SwarmServiceSpec], ids: References) -> Plan:
    spec, name = target.spec, service_name(target.ref, target.spec)
    origin = target.origin_of("spec.serviceName")
    drift = (FieldDiff("spec.serviceName", name, ABSENT, origin, restarts=True),)
    known = remembered_spec(target.memory) is not None
    blocked = renamed(target) or _missing(target, ids)
    if not spec.create:
        message = f"there is no service {name}, and spec.create is false: create it, or allow it"
        blocked = "ServiceMissing", message
    elif spec.image is None and not known:
        message = f"there is no service {name}: declare spec.image, so that it can be created"
        blocked = "CannotCreate", message
    if blocked:
        return Plan(drift=drift, blocked=blocked)
    again = known or target.status.get("serviceId") is not None
    reason = f"service {name} {'is gone' if again else 'does not exist yet'}"
    change = {"service": ABSENT}, {"service": "present"}
    risk = Risk.MEDIUM if again else Risk.LOW
    return Plan(drift, (_step(target, "create", change, reason, risk),))


def _update_drift(view: _View) -> tuple[FieldDiff, ...]:
    state = update_state(view.service)
    failed = state in ("paused", "rollback_paused")
    failed = failed or (state == "rollback_completed" and bool(view.fields))
    if not failed:
        return ()
    return (FieldDiff("status.updateState", "completed", state, view.target.origin_of("spec")),)


def _owner_drift(view: _View, adopt: Sequence[Action]) -> tuple[FieldDiff, ...]:
    origin = view.target.origin_of("spec.adopt")
    return tuple(FieldDiff("metadata.owner", a.after["owner"], ABSENT, origin) for a in adopt)


def _adopt(view: _View) -> tuple[Action, ...]:
    owner = owner_of(view.target, view.service)
    if owner is Owner.US:
        return ()
    lost = owner is Owner.LOST
    reason = "somebody took the operator's labels off" if lost else "spec.adopt is true"
    change = {"owner": ABSENT}, {"owner": str(view.target.ref)}
    return (_step(view.target, "adopt", change, reason),)


def _correct(view: _View) -> tuple[Action, ...]:
    if not view.fields:
        return ()
    paths = [field.path for field in view.fields]
    runbook = "scale" if paths == [REPLICAS] else "update"
    before = {field.path: field.shown(view.service.spec) for field in view.fields}
    after = {field.path: field.show(field.want) for field in view.fields}
    reason = f"{', '.join(paths)} {'is' if len(paths) == 1 else 'are'} not as declared"
    risk = Risk.MEDIUM if any(field.restarts for field in view.fields) else Risk.LOW
    return (_step(view.target, runbook, (before, after), reason, risk),)


def _surplus(view: _View, observed: Observed) -> tuple[FieldDiff, ...]:
    """Tasks that Swarm keeps running beyond the number, though it was told long enough ago.

    Its orchestrator can miss a scale-down that comes milliseconds after a scale-up, and then does
    nothing until the service is written again.
    """
    tasks, nodes, since = observed.tasks, observed.nodes, view.target.status.get("progress")
    if not isinstance(tasks, tuple) or isinstance(nodes, Unknown) or not since:
        return ()
    count = rollout(view.service, tasks, nodes, view.target.now)
    waited = view.target.now - datetime.fromisoformat(since["since"])
    at_work = update_state(view.service) == "updating"
    if count.running <= count.desired or at_work or waited < SETTLE_AFTER:
        return ()
    origin = view.target.origin_of(REPLICAS)
    return (FieldDiff(RUNNING, count.desired, count.running, origin),)


def _settle(view: _View, surplus: Sequence[FieldDiff]) -> Action:
    before = {diff.path: diff.got for diff in surplus}
    after = {diff.path: diff.want for diff in surplus}
    reason = "Swarm runs more tasks than the service has replicas, and does nothing about it"
    return _step(view.target, "settle", (before, after), reason)


def _step(
    target: Target[SwarmServiceSpec],
    runbook: str,
    change: tuple[Mapping[str, Any], Mapping[str, Any]],
    reason: str,
    risk: Risk = Risk.LOW,
) -> Action:
    before, after = change
    return Action(runbook, target_name(target), before, after, reason, risk)
