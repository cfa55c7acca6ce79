"""Whose a service is: the operator's labels on it, and what they allow.

All bookkeeping lies in the labels of the service, where writing it restarts nothing; never in the
task template.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from desired_state.objects import JsonObject, ObjectRef
from reconcilers.swarm_service.document import labels, put
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import LABELS as HOLD
from swarmkeeper.runtime.swarm import Service

MANAGED_BY: Final = "swarmkeeper.dev/managed-by"
OBJECT: Final = "swarmkeeper.dev/object"
CREATED: Final = "swarmkeeper.dev/created"
GENERATION: Final = "swarmkeeper.dev/generation"
RUN: Final = "swarmkeeper.dev/last-run"
OPERATOR: Final = "swarmkeeper"

_OURS: Final = (MANAGED_BY, OBJECT, CREATED, GENERATION, RUN)


class Owner(StrEnum):
    """Who owns a live service."""

    US = "us"
    """This object, by its label."""
    LOST = "lost"
    """This object, though somebody took its label off (`docker stack deploy` does)."""
    NOBODY = "nobody"
    """No object of the operator."""
    OTHER = "other"
    """Another object of the operator."""


def owner_of(target: Target[SwarmServiceSpec], service: Service) -> Owner:
    """Who owns a live service."""
    named = labels(service.spec).get(OBJECT)
    if named == str(target.ref):
        return Owner.US
    if named:
        return Owner.OTHER
    return Owner.LOST if target.status.get("serviceId") == service.id else Owner.NOBODY


def created_by_us(target: Target[SwarmServiceSpec], service: Service) -> bool:
    """Whether the operator made the service, rather than adopting it."""
    if labels(service.spec).get(CREATED) == "true":
        return True
    return owner_of(target, service) is Owner.LOST and bool(target.status.get("created"))


def applied_generation(service: Service) -> int | None:
    """The generation that the last write of the operator to this spec stood for."""
    text = labels(service.spec).get(GENERATION, "")
    return int(text) if text.isdecimal() else None


def last_run(service: Service) -> str:
    """Token of the last asked-for step that was done on the service."""
    return labels(service.spec).get(RUN, "")


def own(document: JsonObject, target: Target[SwarmServiceSpec], *, created: bool) -> None:
    """Writes the operator's labels into a ServiceSpec, in place."""
    put(document, ("Labels", MANAGED_BY), OPERATOR)
    put(document, ("Labels", OBJECT), str(target.ref))
    put(document, ("Labels", GENERATION), str(target.generation))
    if created:
        put(document, ("Labels", CREATED), "true")


def disown(document: JsonObject) -> None:
    """Takes the operator's labels off a ServiceSpec, in place."""
    for name in _OURS:
        (document.get("Labels") or {}).pop(name, None)


def without_ours(spec: Mapping[str, Any]) -> JsonObject:
    """A spec without the operator's labels; shares everything else with the original."""
    ours = (*_OURS, *HOLD)
    kept = {name: value for name, value in labels(spec).items() if name not in ours}
    return {**spec, "Labels": kept}


def service_name(ref: ObjectRef, spec: SwarmServiceSpec) -> str:
    """Name of the service in the swarm."""
    if spec.service_name is not None:
        return spec.service_name
    return f"{spec.stack}_{ref.name}" if spec.stack else ref.name


def target_name(target: Target[SwarmServiceSpec]) -> str:
    """How the service is named in plans, records and signals: `service/web`."""
    return f"service/{service_name(target.ref, target.spec)}"
