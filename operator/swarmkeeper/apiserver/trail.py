"""GET of the audit trail: one entry, a list in parts, a watch. Reads pages beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Final, TypeVar

from aiohttp import web

from swarmkeeper.apiserver import audit_records, query
from swarmkeeper.apiserver.audit_records import ENTRY_LABEL, NAME_LABEL
from swarmkeeper.apiserver.calls import Call, json_response
from swarmkeeper.apiserver.problems import bad_request, expired, not_found, too_large
from swarmkeeper.apiserver.reads import as_table, joined, list_metadata
from swarmkeeper.apiserver.selectors import Selector
from swarmkeeper.apiserver.trail_feed import TrailFeed
from swarmkeeper.apiserver.watches import Encoder, answer, deadline
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.audit_reads import PAGE, AuditReader, Query
from swarmkeeper.store.objects import ChangeType, Stored
from swarmkeeper.store.sql import DatabaseError

MAX_ANSWER: Final = 50_000
"""Entries in one answer: a trail grows for years, and an answer is made in memory."""
_RETRY: Final = 1.0  # seconds until a watch tries again to read
_COLUMNS: Final = {
    "metadata.name": "seq",
    "action": "action",
    "entry": "entry",
    "object": "object",
    "uid": "uid",
    ENTRY_LABEL: "entry",
    NAME_LABEL: "name",
}
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Trail:
    """Answers reads of the audit trail.

    Args:
        reader: of the trail.
        feed: tells of new entries.
        bookmark_interval: seconds of silence after which a client that wants them gets a bookmark.
    """

    def __init__(self, reader: AuditReader, feed: TrailFeed, *, bookmark_interval: float) -> None:
        self._reader = reader
        self._feed = feed
        self._bookmark_interval = bookmark_interval

    async def get(self, call: Call) -> web.Response:
        """One entry.

        Raises:
            ApiError: 404, or 503 where the store can't be read.
        """
        seq = audit_records.position(call.key.name)
        link = await _read(lambda: self._reader.entry(seq)) if seq else None
        if link is None:
            raise not_found(call.type, call.key.name)
        found = audit_records.stored(link)
        include = call.table()
        if include is None:
            return json_response(found.value)
        return await as_table(call, include, [found], list_metadata(found.revision))

    async def list(self, call: Call) -> web.Response:
        """Entries, oldest first; in parts, if the client asks so.

        All parts show the trail as it was at the first: it is only ever added to.

        Raises:
            ApiError: 400 for parameters that can't be read, 410 for a position above the newest, 413
                where a client that takes no parts would get too much, 503 where the store can't be read.
        """
        selector, asked = call.selector(), query.number(call.query, "limit")
        revision, after = self._span(call, (await _read(self._reader.newest))[0])
        limit = min(asked, MAX_ANSWER) or MAX_ANSWER
        items = await _read(lambda: self._collect(selector, after, revision, limit + 1))
        metadata = list_metadata(revision)
        if len(items) > limit:
            if not asked:
                raise too_large(f"more than {MAX_ANSWER} entries: ask for parts, with limit")
            items = items[:limit]
            if not selector:
                metadata["remainingItemCount"] = revision - items[-1].revision
            metadata["continue"] = query.encode_continue(revision, "", items[-1].key.name)
        include = call.table()
        if include is None:
            return json_response(joined(call, items, metadata))
        return await as_table(call, include, items, metadata)

    async def watch(self, call: Call) -> web.StreamResponse:
        """Streams entries until the time is over, the client goes or the server stops.

        Raises:
            ApiError: 400 or 422 for parameters that can't be taken.
        """
        stream = _Stream(call, self._reader, self._feed)
        return await answer(call, stream.chunks(self._bookmark_interval))

    def _span(self, call: Call, newest: int) -> tuple[int, int]:
        """The position that the list goes up to, and the one that it begins after."""
        revision, after = newest, 0
        if call.query.get("continue"):
            revision, _, name = query.decode_continue(call.query["continue"])
            last = audit_records.position(name)
            if last is None or revision < last:
                raise bad_request("continue key is not valid")
            after = last
        elif call.query.get("resourceVersionMatch") == "Exact":
            revision = query.number(call.query, "resourceVersion")
        if revision > newest:
            raise expired(f"resource version {revision} is above the newest, {newest}")
        return revision, after

    def _collect(
        self, selector: Selector, after: int, revision: int, count: int
    ) -> Sequence[Stored]:
        """The first entries that match, as objects."""
        wanted = _query(selector)
        found: deque[Stored] = deque()
        while len(found) < count and after < revision:
            size = PAGE if selector else min(PAGE, count - len(found))
            links = self._reader.part(wanted, after, size)
            items = (audit_records.stored(link) for link in links if link.seq <= revision)
            found += [item for item in items if selector.select(item)]
            if len(links) < size:
                break
            after = links[-1].seq
        return tuple(islice(found, count))


class _Stream:
    """One watch: reads on from where the client is, whenever there may be more."""

    def __init__(self, call: Call, reader: AuditReader, feed: TrailFeed) -> None:
        self._reader, self._feed = reader, feed
        self._encoder, self._selector = Encoder(call), call.selector()
        self._query = _query(self._selector)
        self._bookmarks = query.flag(call.query, "allowWatchBookmarks")
        self._sent = query.number(call.query, "resourceVersion")
        self._deadline = deadline(call)

    async def chunks(self, interval: float) -> AsyncGenerator[bytes, None]:
        """What to send, until the time is over or the server stops.

        Args:
            interval: seconds of silence after which a bookmark is due.
        """
        with self._feed.watching():
            while (left := self._deadline - time.monotonic()) > 0 and not self._feed.ended:
                try:
                    async for chunk in self._news():
                        yield chunk
                except ApiError as error:
                    if error.code != 503:
                        yield self._encoder.error(error)
                        return
                    await asyncio.sleep(min(left, _RETRY))
                    continue
                heard = await self._feed.wait(self._sent, min(left, interval))
                if not heard and self._bookmarks:
                    yield self._encoder.bookmark(self._sent)

    async def _news(self) -> AsyncIterator[bytes]:
        newest, _ = await _read(self._reader.newest)
        if self._sent > newest:
            raise expired(f"too old resource version: {self._sent} is above the newest, {newest}")
        while self._sent < newest:
            lines, last = await _read(self._page)
            if lines:
                yield lines
            self._sent = last or newest

    def _page(self) -> tuple[bytes, int]:
        """The next lines, and the position that they go up to; 0 where there are no more."""
        links = self._reader.part(self._query, self._sent, PAGE)
        items = map(audit_records.stored, links)
        lines = [self._encoder.line(ChangeType.ADDED, i) for i in items if self._selector.select(i)]
        return b"".join(lines), links[-1].seq if links else 0


def _query(selector: Selector) -> Query:
    """What the database can look up by an index; the selector itself decides."""
    given: dict[str, str | int] = {}
    for term in (*selector.labels, *selector.names, *selector.fields):
        column = _COLUMNS.get(term.key)
        if column and not term.negated and term.values is not None and len(term.values) == 1:
            (value,) = term.values
            given[column] = (audit_records.position(value) or 0) if column == "seq" else value
    return Query(**given)  # type: ignore[arg-type]


async def _read(look: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(look)
    except DatabaseError as error:
        _log.warning("audit trail not read", extra={"error": str(error)})
        message = "the audit trail can't be read now; see the log"
        raise ApiError(503, "ServiceUnavailable", message) from error
