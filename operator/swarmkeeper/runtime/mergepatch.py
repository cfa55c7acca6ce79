"""Merge patches (RFC 7386): the smallest patch from one document to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that turns `old` into `new`; empty where they are equal.

    Lists are replaced whole and removed keys become null, as the RFC has it. A null inside `new` can't
    be expressed by a merge patch, so documents with nulls must be replaced instead.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key in old and before == value:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            patch[key] = difference(before, value)
        else:
            patch[key] = value
    return patch
