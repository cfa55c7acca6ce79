"""The tables of the object store: their statements, and rows as changes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

from swarmkeeper.store.objects import Change, ChangeType, Key, Stored

SCHEMA: Final = (
    """
    CREATE TABLE objects (
        revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL,
        name TEXT NOT NULL, uid TEXT NOT NULL, created INTEGER NOT NULL,
        deleted INTEGER NOT NULL, previous INTEGER NOT NULL, value BLOB NOT NULL
    )
    """,
    "CREATE INDEX objects_name ON objects (kind, namespace, name, revision)",
    "CREATE TABLE objects_compaction (promised INTEGER NOT NULL, done INTEGER NOT NULL)",
    "INSERT INTO objects_compaction VALUES (0, 0)",
)
"""The migrations of these tables."""
INSERT: Final = "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
NEWEST: Final = "SELECT coalesce(max(revision), 0) FROM objects"
CURRENT: Final = """
    SELECT kind, namespace, name, uid, revision, value FROM objects WHERE deleted = 0 AND revision IN
    (SELECT max(revision) FROM objects GROUP BY kind, namespace, name)
"""
SINCE: Final = """
    SELECT item.kind, item.namespace, item.name, item.uid, item.revision, item.value,
           item.created, item.deleted, before.value
    FROM objects AS item LEFT JOIN objects AS before ON before.revision = item.previous
    WHERE item.revision > ? ORDER BY item.revision LIMIT ?
"""
PROMISED: Final = "SELECT promised FROM objects_compaction"
DONE: Final = "SELECT done FROM objects_compaction"
PROMISE: Final = "UPDATE objects_compaction SET promised = ? WHERE promised < ?"
FORGOTTEN: Final = "UPDATE objects_compaction SET done = ?"
FORGET_SUPERSEDED: Final = """
    DELETE FROM objects WHERE revision IN
    (SELECT previous FROM objects WHERE revision > ? AND revision <= ?)
"""
FORGET_DELETED: Final = "DELETE FROM objects WHERE revision > ? AND revision <= ? AND deleted = 1"


def row(change: Change, previous: int) -> tuple[Any, ...]:
    """A change as a row for INSERT."""
    stored = change.stored
    return (
        stored.revision,
        *stored.key,
        stored.uid,
        int(change.type is ChangeType.ADDED),
        int(change.type is ChangeType.DELETED),
        previous,
        stored.value,
    )


def stored(found: Sequence[Any]) -> Stored:
    """The object of a row of CURRENT or SINCE."""
    kind, namespace, name, uid, revision, value = found[:6]
    return Stored(Key(sys.intern(kind), sys.intern(namespace), name), uid, revision, value)


def change(found: Sequence[Any]) -> Change:
    """The change of a row of SINCE."""
    created, deleted, old = found[6:]
    kind = ChangeType.ADDED if created else ChangeType.MODIFIED
    return Change(ChangeType.DELETED if deleted else kind, stored(found), old)
