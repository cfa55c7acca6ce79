"""Who approves: the API itself writes it down, so that nobody can sign for another."""

from __future__ import annotations

from typing import Final

from desired_state.objects import GROUP, JsonObject

APPROVE: Final = f"{GROUP}/approve"
"""Annotation: hash of the plan that people approve."""
APPROVED_BY: Final = f"{GROUP}/approved-by"
"""Annotation: the actor who set it."""


def signed(old: JsonObject, new: JsonObject, actor: str) -> JsonObject:
    """The object with the name of whoever approved; what a client says of that does not count.

    Args:
        old: the object before the write; without annotations for a new one.
        new: the object after it.
        actor: who writes.
    """
    before = old["metadata"].get("annotations") or {}
    after = new["metadata"].get("annotations") or {}
    if not (before.keys() | after.keys()) & {APPROVE, APPROVED_BY}:
        return new
    same = before.get(APPROVE) == after.get(APPROVE)
    by = before.get(APPROVED_BY) if same else actor if APPROVE in after else None
    annotations = {key: value for key, value in after.items() if key != APPROVED_BY}
    if by is not None:
        annotations[APPROVED_BY] = by
    return {**new, "metadata": {**new["metadata"], "annotations": annotations}}
