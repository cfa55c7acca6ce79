"""The embedded API handed on as it is: the base of those who add something to a few of its methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.runtime.ports import Objects


class ForwardedObjects:
    """Hands every call on; see `swarmkeeper.runtime.ports.Objects`.

    Args:
        inner: the API.
    """

    def __init__(self, inner: Objects) -> None:
        self._inner = inner

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """One object, or None."""
        return self._inner.get(ref)

    def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[JsonObject]:
        """All objects of a kind."""
        return self._inner.list(kind, namespace=namespace, labels=labels)

    def create(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Creates an object."""
        return self._inner.create(obj, actor=actor)

    def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        *,
        actor: str,
        subresource: str | None = None,
    ) -> JsonObject:
        """Merges a patch."""
        return self._inner.patch(ref, patch, actor=actor, subresource=subresource)

    def replace(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Puts a whole object in the place of the stored one."""
        return self._inner.replace(obj, actor=actor)

    def delete(self, ref: ObjectRef, *, actor: str) -> None:
        """Deletes, or marks as terminating."""
        self._inner.delete(ref, actor=actor)
