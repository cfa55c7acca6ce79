"""Which objects belong to which, and what a deletion does to those. Pure functions.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from desired_state.objects import JsonObject

ORPHAN: Final = "orphan"
"""Finalizer: what belongs to the object is to stay, without its reference."""
FOREGROUND: Final = "foregroundDeletion"
"""Finalizer: what belongs to the object, and blocks its deletion, goes first."""
_MARKS: Final = tuple(f'"{mark}"'.encode() for mark in ("ownerReferences", ORPHAN, FOREGROUND))


class Propagation(StrEnum):
    """What becomes of the objects that belong to a deleted one."""

    BACKGROUND = "Background"
    """They are deleted, soon after it."""
    FOREGROUND = "Foreground"
    """They are deleted, before it."""
    ORPHAN = "Orphan"
    """They stay."""


_FINALIZERS: Final = {
    Propagation.BACKGROUND: [],
    Propagation.FOREGROUND: [FOREGROUND],
    Propagation.ORPHAN: [ORPHAN],
}


def may_matter(value: bytes) -> bool:
    """Whether a serialised object may be owned, or wait for what it owns; quick, never wrongly no."""
    return any(mark in value for mark in _MARKS)


def references(obj: JsonObject) -> list[JsonObject]:
    """The owners that an object names."""
    owners: list[JsonObject] = obj["metadata"].get("ownerReferences") or []
    return owners


def awaits(obj: JsonObject, finalizer: str) -> bool:
    """Whether an object is being deleted, and held by a finalizer."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or [])


def deleting(obj: JsonObject, propagation: Propagation | None) -> JsonObject:
    """The object with the finalizers of a way of deletion; None leaves those that it has.

    Args:
        obj: not changed.
        propagation: what the client asks for.
    """
    if propagation is None:
        return obj
    before = obj["metadata"].get("finalizers") or []
    rest = [each for each in before if each not in (ORPHAN, FOREGROUND)]
    after = rest + _FINALIZERS[propagation]
    return _with(obj, "finalizers", after) if after != before else obj


def released(obj: JsonObject, finalizer: str) -> JsonObject:
    """The object without a finalizer."""
    left = [each for each in obj["metadata"].get("finalizers") or [] if each != finalizer]
    return _with(obj, "finalizers", left)


def disowned(obj: JsonObject, uids: Collection[str]) -> JsonObject:
    """The object without its references to some owners."""
    return _with(obj, "ownerReferences", [r for r in references(obj) if r["uid"] not in uids])


def _with(obj: JsonObject, field: str, values: list[object]) -> JsonObject:
    metadata = {key: value for key, value in obj["metadata"].items() if key != field}
    return {**obj, "metadata": metadata | ({field: values} if values else {})}
