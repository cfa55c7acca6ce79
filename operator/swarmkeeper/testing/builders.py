"""Short ways to say what a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from desired_state.objects import CommonSpec, JsonObject, ObjectRef, Origin
from swarmkeeper.runtime.reconciler import Reconciler, Target
from swarmkeeper.testing.clock import START

SpecT = TypeVar("SpecT", bound=CommonSpec)


def target_of(
    reconciler: Reconciler[SpecT, Any],
    declared: Mapping[str, Any],
    *,
    name: str = "web",
    generation: int = 1,
    status: Mapping[str, Any] | None = None,
    memory: JsonObject | None = None,
) -> Target[SpecT]:
    """One object as a pass at `START` sees it, from what people would write under `spec:`.

    Args:
        reconciler: of its kind.
        declared: the spec in camelCase.
        name: name of the object.
        generation: counts changes of the spec.
        status: as stored.
        memory: as stored.
    """
    spec: Any = reconciler.kind.spec.model_validate(dict(declared))
    return Target(
        ref=ObjectRef(reconciler.kind.name, name),
        uid=f"uid-of-{name}",
        generation=generation,
        spec=spec,
        declared=declared,
        origin_of=lambda _: Origin("objects.yaml", 1, "main@sha1:3f2a91c0000"),
        now=START,
        memory=memory,
        status=status or {},
    )


def service_spec(
    name: str = "web",
    *,
    image: str = "app:1",
    replicas: int = 1,
    env: tuple[str, ...] = (),
    labels: Mapping[str, str] | None = None,
    update: Mapping[str, Any] | None = None,
) -> JsonObject:
    """A ServiceSpec, as somebody else would have created the service."""
    spec: JsonObject = {
        "Name": name,
        "Labels": dict(labels or {}),
        "TaskTemplate": {"ContainerSpec": {"Image": image, "Env": list(env)}},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }
    return {**spec, "UpdateConfig": dict(update)} if update else spec
