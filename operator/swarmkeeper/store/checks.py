"""Whether a store is whole: its files, the chain of the audit trail, the index of objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from swarmkeeper.store import object_rows as rows
from swarmkeeper.store.audit import AuditTrail
from swarmkeeper.store.index import Index
from swarmkeeper.store.objects import Change, ChangeType, Key, Stored
from swarmkeeper.store.sql import Cursor, SqlDatabase

_ALL: Final = 2**62


def problems(database: SqlDatabase) -> Iterator[str]:
    """What is wrong, one sentence each; none where all is well.

    Args:
        database: with all its tables.
    """
    yield from database.damage()
    broken = AuditTrail(database).verify()
    if broken is not None:
        yield f"the chain of the audit trail is broken at entry {broken}"
    with database.snapshot(long=True) as cursor:
        yield from _object_problems(cursor)


def _object_problems(cursor: Cursor) -> Iterator[str]:
    index = Index()
    (newest,) = cursor.execute(rows.NEWEST).fetchone()
    index.load((rows.stored(row) for row in cursor.execute(rows.CURRENT)), newest)
    (compacted,) = cursor.execute(rows.PROMISED).fetchone()
    replayed: dict[Key, Stored] = {}
    expected = compacted + 1
    for row in cursor.execute(rows.SINCE, (0, _ALL)).fetchall():
        change = rows.change(row)
        revision = change.stored.revision
        if revision > compacted:  # from here on the history is complete
            if revision != expected:
                yield f"revision {expected} is missing"
            if (change.type is ChangeType.ADDED) == (change.stored.key in replayed):
                yield f"revision {revision} does not follow from those before"
            expected = revision + 1
        if not _is_right(change.stored):
            yield f"revision {revision} holds something else than its object"
        _replay(replayed, change)
    kinds = {key.kind for key in replayed}
    indexed = [stored for kind in kinds for stored in index.list(kind, None).items]
    if {stored.key: stored for stored in indexed} != replayed:
        yield "the current objects are not those that the history leads to"


def _replay(objects: dict[Key, Stored], change: Change) -> None:
    if change.type is ChangeType.DELETED:
        objects.pop(change.stored.key, None)
    else:
        objects[change.stored.key] = change.stored


def _is_right(stored: Stored) -> bool:
    """Whether the value is the object of its row, at its revision."""
    try:
        metadata = stored.load().get("metadata", {})
    except orjson.JSONDecodeError:
        return False
    said = metadata.get("name"), metadata.get("resourceVersion")
    return said == (stored.key.name, str(stored.revision))
