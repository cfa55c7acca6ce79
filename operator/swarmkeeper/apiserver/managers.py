"""Who owns which fields of an object: `metadata.managedFields`.

Ownership is kept from the first server-side apply on; objects that were never applied that way carry
none of it, and what they had belongs to `before-first-apply`. Later writes of other kinds take over what
they change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import fieldsets
from swarmkeeper.apiserver.fieldsets import Fields, overlap
from swarmkeeper.apiserver.lifecycle import same, timestamp

MANAGED: Final = "managedFields"
BEFORE: Final = "before-first-apply"


class Operation(StrEnum):
    """How a manager came to own fields."""

    APPLY = "Apply"
    """By server-side apply: what it no longer names, goes."""
    UPDATE = "Update"
    """By any other write."""


@dataclass(frozen=True, slots=True)
class Manager:
    """One owner.

    Attributes:
        name: as the client calls itself.
        operation: how it writes; the same name may own in both ways.
        fields: what it owns.
        version: apiVersion that it wrote in.
        time: of the last change of what it owns.
    """

    name: str
    operation: Operation
    fields: Fields
    version: str
    time: str

    def described(self) -> str:
        """As in messages of conflicts."""
        how = "" if self.operation is Operation.APPLY else f" using {self.version}"
        return f'"{self.name}"{how}'


def read(obj: JsonObject) -> tuple[Manager, ...]:
    """The managers of a stored object; where none are kept, all is from before the first apply."""
    version = str(obj.get("apiVersion", ""))
    metadata = obj["metadata"]
    if MANAGED not in metadata:
        since = str(metadata.get("creationTimestamp", ""))
        fields = fieldsets.fields_of(obj)
        return (Manager(BEFORE, Operation.UPDATE, fields, version, since),) if fields else ()
    return tuple(
        Manager(
            entry["manager"],
            Operation(entry["operation"]),
            fieldsets.decode(entry["fieldsV1"]),
            entry["apiVersion"],
            entry["time"],
        )
        for entry in metadata[MANAGED]
    )


def write(obj: JsonObject, managers: Iterable[Manager]) -> JsonObject:
    """The object with its managers; those that own nothing are left out."""
    entries = [
        {
            "manager": manager.name,
            "operation": str(manager.operation),
            "apiVersion": manager.version,
            "time": manager.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.encode(manager.fields),
        }
        for manager in managers
        if manager.fields
    ]
    return {**obj, "metadata": {**obj["metadata"], MANAGED: entries}}


def without(manager: Manager, fields: Fields, now: datetime) -> Manager:
    """The manager after others took some of its fields."""
    left = frozenset(f for f in manager.fields if not any(overlap(f, lost) for lost in fields))
    if left == manager.fields:
        return manager
    return Manager(manager.name, manager.operation, left, manager.version, timestamp(now))


def tracked(old: JsonObject, new: JsonObject, name: str, now: datetime) -> JsonObject:
    """The object after a write that was no apply: its writer owns what it changed.

    Args:
        old: before.
        new: after, with the managers of before.
        name: who wrote.
        now: time of the write.
    """
    if MANAGED not in old["metadata"]:
        return new
    before = dict(fieldsets.leaves(fieldsets.owned_part(old)))
    after = dict(fieldsets.leaves(fieldsets.owned_part(new)))
    changed = frozenset(
        path for path, value in after.items() if path not in before or not same(before[path], value)
    )
    gone = before.keys() - after.keys()
    if not changed and not gone:
        return new
    managers = [without(manager, changed | gone, now) for manager in read(old)]
    key = (name, Operation.UPDATE)
    own = next((m.fields for m in managers if (m.name, m.operation) == key), frozenset())
    if changed:
        managers = [m for m in managers if (m.name, m.operation) != key]
        version = str(new["apiVersion"])
        managers.append(Manager(*key, own | changed, version, timestamp(now)))
    return write(new, managers)
