"""Reading the audit trail: one entry, one action, or what a query finds, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import orjson

from swarmkeeper.store import audit
from swarmkeeper.store.audit import Entry, Record, Step
from swarmkeeper.store.audit_chain import GENESIS, Link
from swarmkeeper.store.sql import SqlDatabase

PAGE: Final = 500
"""Entries that are read at a time."""
_SELECT: Final = (
    "SELECT audit_trail.seq, audit_trail.at, audit_trail.action, audit_trail.entry,"
    " audit_trail.document, earlier.hash, audit_trail.hash"
    " FROM audit_trail LEFT JOIN audit_trail AS earlier ON earlier.seq = audit_trail.seq - 1"
    " WHERE "
)
_NEWEST: Final = "SELECT seq, hash FROM audit_head"
_COLUMNS: Final = ("seq", "action", "entry", "uid", "name")


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries; all that is given must hold.

    Attributes:
        seq: position in the chain.
        action: id of the action.
        entry: what is said.
        uid: identity of the object.
        name: of the object.
        object: e.g. `SwarmService/web`.
        runbook: e.g. `scale`.
        since: written then or later.
        until: written before then.
    """

    seq: int | None = None
    action: str | None = None
    entry: str | None = None
    uid: str | None = None
    name: str | None = None
    object: str | None = None
    runbook: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """What columns say: terms of SQL, each with AND behind it, and their values."""
        given = {column: getattr(self, column) for column in _COLUMNS}
        if self.object is not None:
            given["name"] = self.object.rpartition("/")[2]
        terms = {f"audit_trail.{c} = ?": value for c, value in given.items() if value is not None}
        if self.since is not None:
            terms["audit_trail.at >= ?"] = audit.stamp(self.since)
        if self.until is not None:
            terms["audit_trail.at < ?"] = audit.stamp(self.until)
        return "".join(f"{term} AND " for term in terms), list(terms.values())

    def selects(self, document: bytes) -> bool:
        """What no column says."""
        if self.object is None and self.runbook is None:
            return True
        found = orjson.loads(document)
        return self.object in (None, found["object"]) and self.runbook in (None, found["runbook"])


class AuditReader:
    """Reads entries as they are chained; no read holds more than one part of the trail.

    Args:
        database: where the rows lie.
    """

    def __init__(self, database: SqlDatabase) -> None:
        audit.migrate(database)
        self._database = database

    def follow(self, listener: Callable[[], None]) -> None:
        """Calls the listener, on another thread, when any process may have added entries."""
        self._database.follow(lambda _: listener())

    def newest(self) -> tuple[int, str]:
        """Position and hash of the newest entry; 0 and the hash before the first without any."""
        rows = self._database.read(_NEWEST)
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, GENESIS)

    def count(self) -> int:
        """How many entries there are, also in a broken chain."""
        return int(self._database.read("SELECT count(*) FROM audit_trail")[0][0])

    def entry(self, seq: int) -> Link | None:
        """The entry at a position, or None."""
        return next(self.find(Query(seq=seq)), None)

    def part(self, query: Query, after: int, limit: int) -> list[Link]:
        """The first entries above a position, oldest first; runbook and kind are not looked at.

        Args:
            query: which entries.
            after: the last position that the caller has seen.
            limit: how many at most; fewer means that there are no more.
        """
        where, values = query.where()
        sql = f"{_SELECT}{where}audit_trail.seq > ? ORDER BY audit_trail.seq LIMIT ?"
        return [_link(row) for row in self._database.read(sql, (*values, after, limit))]

    def find(self, query: Query, after: int = 0) -> Iterator[Link]:
        """All entries that a query is about, oldest first."""
        while links := self.part(query, after, PAGE):
            yield from (link for link in links if query.selects(link.document))
            after = links[-1].seq

    def newest_first(self, query: Query) -> Iterator[Link]:
        """All entries that a query is about, newest first."""
        where, values = query.where()
        order = "ORDER BY audit_trail.seq DESC LIMIT ?"
        sql = f"{_SELECT}{where}audit_trail.seq < ? {order}"
        before = self.newest()[0] + 1
        while rows := self._database.read(sql, (*values, before, PAGE)):
            links = [_link(row) for row in rows]
            yield from (link for link in links if query.selects(link.document))
            before = links[-1].seq


def record(link: Link) -> Record:
    """What an entry says."""
    found = orjson.loads(link.document)
    step = Step(**{field.name: found[field.name] for field in fields(Step) if field.name in found})
    told = found["outcome"], found["verification"]
    return Record(link.seq, link.at, link.action, Entry(link.entry), step, *told, link.hash)


def _link(row: tuple[Any, ...]) -> Link:
    seq, at, action, entry, document, previous, hash_ = row
    body = document.encode() if isinstance(document, str) else document
    return Link(seq, at, action, entry, body, previous or GENESIS, hash_)
