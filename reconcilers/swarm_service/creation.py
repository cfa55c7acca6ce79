"""The full spec of a service that is created: the last good one, or a bare one, and what is declared."""

from __future__ import annotations

from collections.abc import Mapping

from desired_state.objects import JsonObject
from reconcilers.swarm_service.declared import declared_fields
from reconcilers.swarm_service.document import CONTAINER, dig, put
from reconcilers.swarm_service.fields import apply
from reconcilers.swarm_service.memory import remembered_spec
from reconcilers.swarm_service.observe import references
from reconcilers.swarm_service.ownership import own, service_name
from reconcilers.swarm_service.parts import ServiceMode
from reconcilers.swarm_service.spec import STACK_LABEL, SwarmServiceSpec
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import Swarm


def new_spec(target: Target[SwarmServiceSpec], swarm: Swarm) -> JsonObject:
    """The ServiceSpec to create.

    Raises:
        SwarmError: the engine did not say what the named networks, secrets and configs are.
    """
    known = remembered_spec(target.memory)
    base = _bare(target.spec) if known is None else _relinked(known, swarm)
    base["Name"] = service_name(target.ref, target.spec)
    fields = declared_fields(target.spec, target.declared, references(target.spec, swarm))
    spec = apply(fields, base)
    own(spec, target, created=target.status.get("created") is not False)
    return spec


def _bare(spec: SwarmServiceSpec) -> JsonObject:
    replicas = 1 if spec.replicas is None else spec.replicas
    is_global = spec.service_mode is ServiceMode.GLOBAL
    document: JsonObject = {
        "Labels": {},
        "TaskTemplate": {"ContainerSpec": {}},
        "Mode": {"Global": {}} if is_global else {"Replicated": {"Replicas": replicas}},
    }
    if spec.stack is not None:  # `docker stack` looks for it on the containers too
        put(document, (*CONTAINER, "Labels", STACK_LABEL), spec.stack)
    return document


def _relinked(spec: JsonObject, swarm: Swarm) -> JsonObject:
    """Secrets and configs by the ids that they have today: they may have been made anew."""
    if dig(spec, (*CONTAINER, "Secrets"), []):
        _relink(spec, "Secret", swarm.ids("secrets"))
    if dig(spec, (*CONTAINER, "Configs"), []):
        _relink(spec, "Config", swarm.ids("configs"))
    return spec


def _relink(spec: JsonObject, noun: str, ids: Mapping[str, str]) -> None:
    for element in dig(spec, (*CONTAINER, f"{noun}s"), []):
        element[f"{noun}ID"] = ids.get(element[f"{noun}Name"], element[f"{noun}ID"])
