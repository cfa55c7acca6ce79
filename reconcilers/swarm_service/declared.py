"""All declared fields of one object, in the order in which they are compared and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconcilers.swarm_service.document import CONTAINER
from reconcilers.swarm_service.fields import Field
from reconcilers.swarm_service.lists import (
    env_fields,
    files_field,
    label_fields,
    mounts_field,
    networks_field,
    ports_field,
)
from reconcilers.swarm_service.settings import setting_fields
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.swarm import Resource


@dataclass(frozen=True, slots=True)
class References:
    """Ids by name of what services refer to; empty where the object declares none.

    Attributes:
        networks: name -> id.
        secrets: name -> id.
        configs: name -> id.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)

    def missing(self, spec: SwarmServiceSpec) -> tuple[str, ...]:
        """What the object declares and the swarm does not have, such as `network proxy`."""
        return tuple(
            f"{what.removesuffix('s')} {entry.name}"
            for what in needed(spec)
            for entry in getattr(spec, what)
            if entry.name not in getattr(self, what)
        )


def needed(spec: SwarmServiceSpec) -> tuple[Resource, ...]:
    """Which ids have to be looked up for this object."""
    kinds: tuple[Resource, ...] = ("networks", "secrets", "configs")
    return tuple(kind for kind in kinds if getattr(spec, kind))


def declared_fields(
    spec: SwarmServiceSpec, declared: Mapping[str, Any], ids: References
) -> tuple[Field, ...]:
    """Every field that the object owns.

    Args:
        spec: validated.
        declared: as declared: says which fields are there.
        ids: ids of the networks, secrets and configs that the spec names.
    """
    return tuple(_fields(spec, declared, ids))


def _fields(
    spec: SwarmServiceSpec, declared: Mapping[str, Any], ids: References
) -> Iterator[Field]:
    yield from setting_fields(spec, declared)
    yield from env_fields(spec.env)
    yield from label_fields("spec.labels", ("Labels",), spec.labels, restarts=False)
    yield from label_fields(
        "spec.containerLabels", (*CONTAINER, "Labels"), spec.container_labels, restarts=True
    )
    if spec.networks is not None:
        yield networks_field(spec.networks, ids.networks)
    if spec.ports is not None:
        yield ports_field(spec.ports)
    if spec.mounts is not None:
        yield mounts_field(spec.mounts)
    if spec.configs is not None:
        yield files_field("configs", spec.configs, ids.configs)
    if spec.secrets is not None:
        yield files_field("secrets", spec.secrets, ids.secrets)
