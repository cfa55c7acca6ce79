"""Taking one step on one service: re-read, check, one write. Every step may be tried again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, Final

from desired_state.objects import JsonObject
from reconcilers.swarm_service.creation import new_spec
from reconcilers.swarm_service.declared import declared_fields
from reconcilers.swarm_service.document import dig, put
from reconcilers.swarm_service.fields import Field, apply, differing
from reconcilers.swarm_service.memory import update_state
from reconcilers.swarm_service.observe import references
from reconcilers.swarm_service.ownership import (
    RUN,
    Owner,
    created_by_us,
    disown,
    last_run,
    own,
    owner_of,
    service_name,
)
from reconcilers.swarm_service.parts import ReplicasOwner
from reconcilers.swarm_service.settings import mode_of
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.errors import Retry, Stalled, Wait
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, Service, Swarm

Step = Callable[[Target[SwarmServiceSpec], Action, Swarm], str]
Change = Callable[[Service], JsonObject | None]

_FORCE: Final = ("TaskTemplate", "ForceUpdate")
_PASSES: Final = ("already in use", "not found", "name conflicts")
"""Refusals that pass by themselves: another service frees a port, a network is being made."""


def act(target: Target[SwarmServiceSpec], action: Action, swarm: Swarm) -> str:
    """Takes one step.

    Raises:
        SwarmUnavailable: the engine did not answer, and whether it did the step is not known.
        Retry: the world moved; nothing was written.
        Wait: another object works on the service.
        Stalled: the engine refuses, or nothing is known that could be done.
    """
    step = _STEPS.get(action.runbook)
    if step is None:
        raise Stalled(f"there is no runbook {action.runbook}", reason="UnknownRunbook")
    with _translated():
        return step(target, action, swarm)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OutOfSequence as error:
        raise Retry(f"others keep changing the service: {error}", reason="WorldMoved") from error
    except Refused as error:
        if any(words in str(error) for words in _PASSES):
            raise Retry(str(error), reason="Refused") from error
        raise Stalled(str(error), reason="Refused") from error


def _find(target: Target[SwarmServiceSpec], swarm: Swarm) -> Service:
    name = service_name(target.ref, target.spec)
    service = swarm.service(name)
    if service is None:
        raise Retry(f"service {name} is gone", reason="WorldMoved")
    return service


def _require_free(target: Target[SwarmServiceSpec], service: Service) -> None:
    """Refuses to touch what another object works on: half of it would be undone."""
    hold = hold_of(service.spec, target.now)
    if hold is not None:
        raise Wait(f"service {service.name}: {hold}", reason="Held", after=hold.until - target.now)


def _require_ours(target: Target[SwarmServiceSpec], service: Service) -> None:
    if owner_of(target, service) not in (Owner.US, Owner.LOST):
        raise Retry(f"service {service.name} is not ours any more", reason="WorldMoved")


def _write(target: Target[SwarmServiceSpec], swarm: Swarm, change: Change) -> str:
    """One write of the full spec, with the labels of ownership kept up to date."""

    def owned_change(fresh: Service) -> JsonObject | None:
        _require_free(target, fresh)
        created = created_by_us(target, fresh)
        document = change(fresh)
        if document is not None:
            own(document, target, created=created)
        return document

    replaced = swarm.update(service_name(target.ref, target.spec), owned_change)
    return f"replaced version {replaced}" if replaced else "was already as it should be"


def _scale(target: Target[SwarmServiceSpec], action: Action, swarm: Swarm) -> str:
    if "replicas" not in action.parameters:
        return _correct(target, action, swarm, {"spec.replicas"})
    replicas = _replicas(action.parameters["replicas"])
    _require_undeclared(target, replicas)

    def change(fresh: Service) -> JsonObject | None:
        _require_ours(target, fresh)
        if mode_of(fresh.spec) != "replicated":
            raise Stalled(f"service {fresh.name} has no replicas", reason="ModeImmutable")
        if dig(fresh.spec, ("Mode", "Replicated", "Replicas"), 1) == replicas:
            return None
        document = copy.deepcopy(fresh.spec)
        put(document, ("Mode", "Replicated", "Replicas"), replicas)
        return document

    return _write(target, swarm, change)


def _require_undeclared(target: Target[SwarmServiceSpec], replicas: int) -> None:
    """What is declared is changed there: here it would be undone in the same breath."""
    spec = target.spec
    if spec.replicas in (None, replicas) or spec.replicas_owner is not ReplicasOwner.GIT:
        return
    origin = target.origin_of("spec.replicas")
    where = f" at {origin}" if origin else ""
    raise Stalled(
        f"spec.replicas: {spec.replicas} is declared{where}: change it there", reason="Declared"
    )


def _replicas(value: Any) -> int:
    if not str(value).isdecimal():
        raise Stalled(f"replicas: {value!r} is not a number of tasks", reason="InvalidParameter")
    return int(value)


def _update(target: Target[SwarmServiceSpec], action: Action, swarm: Swarm) -> str:
    named = {path for path in action.after if path.startswith("spec.")}
    return _correct(target, action, swarm, named)


def _correct(
    target: Target[SwarmServiceSpec], action: Action, swarm: Swarm, named: AbstractSet[str]
) -> str:
    fields = _fields(target, named, swarm)

    def change(fresh: Service) -> JsonObject | None:
        _require_ours(target, fresh)
        todo = differing(fields, fresh.spec)
        _require_unmoved(todo, action.before, fresh)
        return apply(todo, fresh.spec) if todo else None

    return _write(target, swarm, change)


def _fields(
    target: Target[SwarmServiceSpec], named: AbstractSet[str], swarm: Swarm
) -> tuple[Field, ...]:
    """The named fields, or all if none is named; ids are asked for only if they are needed."""
    lists = ("spec.networks", "spec.configs", "spec.secrets")
    spec, declared = target.spec, target.declared
    if named and named.isdisjoint(lists):
        spec = spec.model_copy(update={"networks": None, "configs": None, "secrets": None})
    fields = declared_fields(spec, declared, references(spec, swarm))
    return tuple(field for field in fields if not named or field.path in named)


def _require_unmoved(todo: tuple[Field, ...], before: Mapping[str, Any], fresh: Service) -> None:
    moved = [
        field.path
        for field in todo
        if field.path in before and field.shown(fresh.spec) != before[field.path]
    ]
    if moved:
        raise Retry(f"{', '.join(moved)} changed meanwhile", reason="WorldMoved")


def _restart(target: Target[SwarmServiceSpec], action: Action, swarm: Swarm) -> str:
    def change(fresh: Service) -> JsonObject | None:
        _require_ours(target, fresh)
        document = copy.deepcopy(fresh.spec)
        put(document, _FORCE, dig(document, _FORCE, 0) + 1)
        return _once(action, fresh, document)

    return _write(target, swarm, change)


def _resume(target: Target[SwarmServiceSpec], action: Action, swarm: Swarm) -> str:
    fields = declared_fields(target.spec, target.declared, references(target.spec, swarm))

    def change(fresh: Service) -> JsonObject | None:
        _require_ours(target, fresh)
        stuck = update_state(fresh) in ("paused", "rollback_paused")
        if not stuck and not differing(fields, fresh.spec):
            return None
        return _once(action, fresh, apply(fields, fresh.spec))

    return _write(target, swarm, change)


def _settle(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    def change(fresh: Service) -> JsonObject | None:
        _require_ours(target, fresh)
        return copy.deepcopy(fresh.spec)

    return _write(target, swarm, change)


def _once(action: Action, fresh: Service, document: JsonObject) -> JsonObject | None:
    run = str(action.parameters.get("run", ""))
    if run and run == last_run(fresh):
        return None
    if run:
        put(document, ("Labels", RUN), run)
    return document


def _rollback(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    service = _find(target, swarm)
    _require_ours(target, service)
    _require_free(target, service)
    if update_state(service).startswith("rollback"):
        return "was already rolled back"
    if service.previous_spec is None:
        raise Stalled("Swarm keeps no previous spec to go back to", reason="NoPreviousSpec")
    swarm.rollback(service.id, service.version)
    return "rolled back to the previous spec"


def _create(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    name = service_name(target.ref, target.spec)
    existing = swarm.service(name)
    if existing is not None:
        if owner_of(target, existing) is Owner.US:
            return "exists already"
        raise Retry(f"service {name} was created by somebody else", reason="WorldMoved")
    return f"created {swarm.create(new_spec(target, swarm))}"


def _adopt(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    def change(fresh: Service) -> JsonObject | None:
        owner = owner_of(target, fresh)
        if owner is Owner.OTHER:
            raise Retry(f"service {fresh.name} has another owner now", reason="WorldMoved")
        return None if owner is Owner.US else copy.deepcopy(fresh.spec)

    return _write(target, swarm, change)


def _release(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    def change(fresh: Service) -> JsonObject | None:
        if owner_of(target, fresh) is not Owner.US:
            return None
        document = copy.deepcopy(fresh.spec)
        disown(document)
        return document

    replaced = swarm.update(service_name(target.ref, target.spec), change)
    return f"released, replaced version {replaced}" if replaced else "was not ours any more"


def _remove(target: Target[SwarmServiceSpec], _: Action, swarm: Swarm) -> str:
    service = swarm.service(service_name(target.ref, target.spec))
    if service is None:
        return "is gone already"
    _require_ours(target, service)
    _require_free(target, service)
    swarm.remove(service.id)
    return f"removed {service.id}"


_STEPS: Final[Mapping[str, Step]] = {
    "scale": _scale,
    "update": _update,
    "settle": _settle,
    "restart": _restart,
    "rollback-service": _rollback,
    "resume-update": _resume,
    "create": _create,
    "adopt": _adopt,
    "release": _release,
    "remove": _remove,
}
