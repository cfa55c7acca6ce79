"""The object store on a SQL database.

Writers that come at the same time share one commit: each puts a ticket in the queue, the first to get
the lock writes all that is queued in one transaction. So a slow disk costs one sync a batch.

Where other processes may write as well, what they wrote is taken over first: inside the transaction,
and on a thread of the database's own whenever it hears of a newer revision.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from swarmkeeper.store import object_rows as rows
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
from swarmkeeper.store.sql import Cursor, DatabaseConflict, SqlDatabase

_COMPACTION_STEP: Final = 1000  # revisions in one transaction, so that writers wait only briefly
_PAGE: Final = 1000  # changes of other processes, taken over at a time

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


class SqlObjectStore:
    """Objects by revision in the table `objects`.

    Args:
        database: where. Only a shared one may have other writers.
    """

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._index = Index()
        self._queue: deque[_Ticket] = deque()
        self._turn = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        database.migrate("objects", rows.SCHEMA)
        self._compacted: int
        with database.snapshot(long=True) as cursor:
            (newest,) = cursor.execute(rows.NEWEST).fetchone()
            (self._compacted,) = cursor.execute(rows.PROMISED).fetchone()
            self._index.load(map(rows.stored, cursor.execute(rows.CURRENT)), newest)
        database.follow(self._follow)

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

    def catch_up(self) -> None:
        """Takes over now what other processes wrote, without being told of it."""
        self._follow(None)

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
        if revision == self.revision:
            return []
        found = self._database.read(rows.SINCE, (revision, limit))
        # Looked at after reading: compaction promises, then removes.
        if self._database.shared:
            ((self._compacted,),) = self._database.read(rows.PROMISED)
        if revision < self._compacted:
            raise RevisionExpired(f"revision {revision} was compacted at {self._compacted}")
        if revision > self.revision and not found:
            raise RevisionExpired(f"revision {revision} is above the newest, {self.revision}")
        return [rows.change(row) for row in found]

    def compact(self, revision: int) -> int:
        """Forgets the history up to a revision; see `ObjectStore.compact`.

        The newest row stays always: revisions never run backwards, not even after a restart.
        """
        target = min(revision, self.revision - 1)
        if target > self._compacted:
            with self._database.write() as cursor:
                cursor.execute(rows.PROMISE, (target, target))
                self._compacted = target
        return sum(self._forget())

    def _forget(self) -> Iterator[int]:
        ((done,),) = self._database.read(rows.DONE)
        while done < self._compacted:
            span = (done, min(done + _COMPACTION_STEP, self._compacted))
            with self._database.write() as cursor:
                yield cursor.execute(rows.FORGET_SUPERSEDED, span).rowcount
                yield cursor.execute(rows.FORGET_DELETED, span).rowcount
                cursor.execute(rows.FORGOTTEN, (span[1],))
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
                if self._database.shared:
                    self._take_over(cursor)
                changes = list(self._write(cursor, batch))
                if changes:
                    self._database.announce(cursor, changes[-1].stored.revision)
        except BaseException as error:
            for ticket in batch:
                ticket.error = ticket.error or _as_store_error(error)
            if not isinstance(error, Exception):
                raise
            return
        self._apply(changes)

    def _apply(self, changes: Sequence[Change]) -> None:
        self._index.apply(changes)
        for listener in self._listeners if changes else ():
            _tell(listener, changes)

    def _follow(self, revision: int | None) -> None:
        """Takes over what other processes wrote; called when there may be something."""
        with self._turn:
            if revision is None or revision > self.revision:
                with self._database.snapshot() as cursor:
                    self._take_over(cursor)

    def _take_over(self, cursor: Cursor) -> None:
        """Brings the index and the listeners up to the newest row that a transaction sees."""
        while found := cursor.execute(rows.SINCE, (self.revision, _PAGE)).fetchall():
            (self._compacted,) = cursor.execute(rows.PROMISED).fetchone()
            if self.revision < self._compacted:  # too long away: part of the history is gone
                self._start_again(cursor)
            else:
                self._apply([rows.change(row) for row in found])

    def _start_again(self, cursor: Cursor) -> None:
        (newest,) = cursor.execute(rows.NEWEST).fetchone()
        current = [rows.stored(row) for row in cursor.execute(rows.CURRENT)]
        self._apply(self._index.differences(current, newest))
        self._index.advance(newest)

    def _write(self, cursor: Cursor, batch: Sequence[_Ticket]) -> Iterator[Change]:
        revision = self._index.revision
        pending: dict[Key, Change] = {}
        for ticket in batch:
            try:
                change = self._decide(ticket, pending.get(ticket.key), revision + 1)
            except Exception as error:  # raised again in the thread that asked
                ticket.error = error
                continue
            revision += 1
            cursor.execute(rows.INSERT, rows.row(change, ticket.expected))
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
    if isinstance(error, DatabaseConflict):
        return StoreError("another process writes to this database")
    return StoreError(f"the write failed: {error}") if isinstance(error, StoreError) else error


def _tell(listener: Listener, changes: Sequence[Change]) -> None:
    try:
        listener(changes)
    except Exception:  # the write is committed; a listener can't undo it
        _log.exception("a listener of the object store failed")
