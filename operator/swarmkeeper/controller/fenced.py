"""The embedded API for who acts: whoever may have been succeeded writes nothing to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.forwarding import ForwardedObjects
from swarmkeeper.runtime.ports import Objects


class FencedObjects(ForwardedObjects):
    """Objects that are written only while a lease holds; see `swarmkeeper.runtime.ports.Objects`.

    Args:
        objects: the API.
        require_lease: raises LeaseLost where another operator may act by now.
    """

    def __init__(self, objects: Objects, require_lease: Callable[[], None]) -> None:
        super().__init__(objects)
        self._require_lease = require_lease

    def create(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Creates an object."""
        self._require_lease()
        return super().create(obj, actor=actor)

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
        return super().patch(ref, patch, actor=actor, subresource=subresource)

    def replace(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Puts a whole object in the place of the stored one."""
        self._require_lease()
        return super().replace(obj, actor=actor)

    def delete(self, ref: ObjectRef, *, actor: str) -> None:
        """Deletes, or marks as terminating."""
        self._require_lease()
        super().delete(ref, actor=actor)
