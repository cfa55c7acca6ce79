"""The object store on SQLite: the embedded default.

Writers that come at the same time share one commit: each puts a ticket in the queue, the first to get
the lock writes all that is queued in one transaction. So a slow disk costs one sync a batch.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from swarmkeeper.store.database import Database, DatabaseError
from swarmkeeper.store.index import Index
from swarmkeeper.store.objects import (
    Change,
    ChangeType,
    Key,
    Listener,
    Listing,
    Render,
    RevisionConflict,
    RevisionExpired,
    Stored,
    StoreError,
)

_SCHEMA: Final = (
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
_INSERT: Final = "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CURRENT: Final = """
    SELECT kind, namespace, name, uid, revision, value FROM objects WHERE deleted = 0 AND revision IN
    (SELECT max(revision) FROM objects GROUP BY kind, namespace, name)
"""
_SINCE: Final = """
    SELECT row.kind, row.namespace, row.name, row.uid, row.revision, row.value,
           row.created, row.deleted, before.value
    FROM objects AS row LEFT JOIN objects AS before ON before.revision = row.previous
    WHERE row.revision > ? ORDER BY row.revision LIMIT ?
"""
_FORGET_SUPERSEDED: Final = """
    DELETE FROM objects WHERE revision IN
    (SELECT previous FROM objects WHERE revision > ? AND revision <= ?)
"""
_FORGET_DELETED: Final = "DELETE FROM objects WHERE revision > ? AND revision <= ? AND deleted = 1"
_COMPACTION_STEP: Final = 1000  # revisions in one transaction, so that writers wait only briefly

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Ticket:
    """One write that waits for its transaction."""

    key: Key
    uid: str
    render: Render
    expected: int
    delete: bool = False
    change: Change | None = None
    error: BaseException | None = None


class SqliteObjectStore:
    """Objects by revision in the table `objects`.

    Args:
        database: where; its `objects` table must have no other writer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._index = Index()
        self._queue: deque[_Ticket] = deque()
        self._turn = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        database.migrate("objects", _SCHEMA)
        (newest,) = database.read("SELECT coalesce(max(revision), 0) FROM objects")[0]
        self._compacted: int = database.read("SELECT promised FROM objects_compaction")[0][0]
        self._index.load((_stored(row) for row in database.read(_CURRENT)), newest)

    @property
    def revision(self) -> int:
        """The newest revision that readers see."""
        return self._index.revision

    @property
    def compacted(self) -> int:
        """The history above this revision is complete; below it is gone."""
        return self._compacted

    def get(self, key: Key) -> Stored | None:
        """The current version, or None."""
        return self._index.get(key)

    def list(self, kind: str, namespace: str | None = None) -> Listing:
        """All current objects of a kind, in one namespace or in all."""
        return self._index.list(kind, namespace)

    def kinds(self, namespace: str) -> frozenset[str]:
        """The kinds that have objects in a namespace."""
        return self._index.kinds(namespace)

    def put(self, key: Key, uid: str, render: Render, *, expected: int) -> Stored:
        """Writes a version; see `ObjectStore.put`."""
        return self._submit(_Ticket(key, uid, render, expected))

    def remove(self, key: Key, render: Render, *, expected: int) -> Stored:
        """Deletes an object; see `ObjectStore.remove`."""
        return self._submit(_Ticket(key, "", render, expected, delete=True))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls the listener after every commit; see `ObjectStore.subscribe`."""
        with self._turn:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._turn:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return unsubscribe

    def since(self, revision: int, *, limit: int = 1000) -> Sequence[Change]:
        """The first changes above a revision; see `ObjectStore.since`."""
        rows = self._database.read(_SINCE, (revision, limit))
        if revision < self._compacted:  # looked at after reading: compaction promises, then removes
            raise RevisionExpired(f"revision {revision} was compacted at {self._compacted}")
        if revision > self.revision and not rows:
            raise RevisionExpired(f"revision {revision} is above the newest, {self.revision}")
        return [_change(row) for row in rows]

    def compact(self, revision: int) -> int:
        """Forgets the history up to a revision; see `ObjectStore.compact`.

        The newest row stays always: revisions never run backwards, not even after a restart.
        """
        target = min(revision, self.revision - 1)
        if target > self._compacted:
            with self._database.write() as cursor:
                cursor.execute("UPDATE objects_compaction SET promised = ?", (target,))
                self._compacted = target
        return sum(self._forget())

    def _forget(self) -> Iterator[int]:
        (done,) = self._database.read("SELECT done FROM objects_compaction")[0]
        while done < self._compacted:
            span = (done, min(done + _COMPACTION_STEP, self._compacted))
            with self._database.write() as cursor:
                yield cursor.execute(_FORGET_SUPERSEDED, span).rowcount
                yield cursor.execute(_FORGET_DELETED, span).rowcount
                cursor.execute("UPDATE objects_compaction SET done = ?", (span[1],))
            done = span[1]

    def _submit(self, ticket: _Ticket) -> Stored:
        self._queue.append(ticket)
        with self._turn:
            if ticket.change is None and ticket.error is None:
                self._flush()
        if ticket.error is not None:
            raise ticket.error
        if ticket.change is None:
            raise StoreError("the write was not taken up")
        return ticket.change.stored

    def _flush(self) -> None:
        """Writes all that is queued in one transaction; then tells readers, listeners, writers."""
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            with self._database.write() as cursor:
                changes = list(self._write(cursor, batch))
        except BaseException as error:
            for ticket in batch:
                ticket.error = ticket.error or _as_store_error(error)
            if not isinstance(error, Exception):
                raise
            return
        self._index.apply(changes)
        for listener in self._listeners if changes else ():
            _tell(listener, changes)

    def _write(self, cursor: sqlite3.Cursor, batch: Sequence[_Ticket]) -> Iterator[Change]:
        revision = self._index.revision
        pending: dict[Key, Change] = {}
        for ticket in batch:
            try:
                change = self._decide(ticket, pending.get(ticket.key), revision + 1)
            except Exception as error:  # raised again in the thread that asked
                ticket.error = error
                continue
            revision += 1
            stored = change.stored
            cursor.execute(
                _INSERT,
                (
                    revision,
                    *stored.key,
                    stored.uid,
                    change.type is ChangeType.ADDED,
                    change.type is ChangeType.DELETED,
                    ticket.expected,
                    stored.value,
                ),
            )
            ticket.change = pending[ticket.key] = change
            yield change

    def _decide(self, ticket: _Ticket, pending: Change | None, revision: int) -> Change:
        current = self._index.get(ticket.key)
        if pending is not None:
            current = None if pending.type is ChangeType.DELETED else pending.stored
        found = current.revision if current else 0
        if found != ticket.expected or (ticket.delete and current is None):
            raise RevisionConflict(ticket.key, current)
        if current is None:
            stored = Stored(ticket.key, ticket.uid, revision, ticket.render(revision))
            return Change(ChangeType.ADDED, stored, None)
        stored = Stored(current.key, ticket.uid or current.uid, revision, ticket.render(revision))
        kind = ChangeType.DELETED if ticket.delete else ChangeType.MODIFIED
        return Change(kind, stored, current.value)


def _as_store_error(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.IntegrityError):
        return StoreError("another process writes to this database")
    if isinstance(error, sqlite3.Error | DatabaseError):
        return StoreError(f"the write failed: {error}")
    return error


def _tell(listener: Listener, changes: Sequence[Change]) -> None:
    try:
        listener(changes)
    except Exception:  # the write is committed; a listener can't undo it
        _log.exception("a listener of the object store failed")


def _stored(row: Sequence[Any]) -> Stored:
    kind, namespace, name, uid, revision, value = row[:6]
    return Stored(Key(sys.intern(kind), sys.intern(namespace), name), uid, revision, value)


def _change(row: Sequence[Any]) -> Change:
    created, deleted, old = row[6:]
    kind = ChangeType.ADDED if created else ChangeType.MODIFIED
    return Change(ChangeType.DELETED if deleted else kind, _stored(row), old)
