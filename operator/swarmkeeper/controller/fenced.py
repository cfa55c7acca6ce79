"""The embedded API for who acts: whoever may have been succeeded writes nothing to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.runtime.ports import Objects


class FencedObjects:
    """Objects that are written only while a lease holds; see `swarmkeeper.runtime.ports.Objects`.

    Args:
        objects: the API.
        require_lease: raises LeaseLost where another operator may act by now.
    """

    def __init__(self, objects: Objects, require_lease: Callable[[], None]) -> None:
        self._objects = objects
        self._require_lease = require_lease

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """One object, or None."""
        return self._objects.get(ref)

    def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[JsonObject]:
        """All objects of a kind."""
        return self._objects.list(kind, namespace=namespace, labels=labels)

    def create(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Creates an object."""
        self._require_lease()
        return self._objects.create(obj, actor=actor)

    def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        *,
        actor: str,
        subresource: str | None = None,
    ) -> JsonObject:
        """Merges a patch."""
        self._require_lease()
        return self._objects.patch(ref, patch, actor=actor, subresource=subresource)

    def replace(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Puts a whole object in the place of the stored one."""
        self._require_lease()
        return self._objects.replace(obj, actor=actor)

    def delete(self, ref: ObjectRef, *, actor: str) -> None:
        """Deletes, or marks as terminating."""
        self._require_lease()
        self._objects.delete(ref, actor=actor)
