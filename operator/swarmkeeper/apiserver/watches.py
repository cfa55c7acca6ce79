"""Watch: an endless answer, one JSON line for each change.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from aiohttp import web

from swarmkeeper.apiserver import query, statuses
from swarmkeeper.apiserver.calls import JSON, Call
from swarmkeeper.apiserver.events import outward_bytes
from swarmkeeper.apiserver.hub import Hub, Subscription
from swarmkeeper.apiserver.problems import expired, invalid
from swarmkeeper.apiserver.selectors import Selector
from swarmkeeper.apiserver.tables import TableStyle, table
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Change, ChangeType, ObjectStore, RevisionExpired, Stored

_BOOKMARK: Final = "BOOKMARK"
_ERROR: Final = "ERROR"
_SHORTEST, _LONGEST = 1800.0, 3600.0  # seconds of a watch whose client does not say; as Kubernetes
_WRITE_TIMEOUT: Final = 60.0  # seconds for a client to take what was sent
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which changes a watch is about."""

    call: Call
    selector: Selector

    def event(self, change: Change) -> ChangeType | None:
        """What a change is to this watch; an object that stops matching is gone for it."""
        stored = change.stored
        if self.call.namespace not in (None, stored.key.namespace):
            return None
        if not self.selector:
            return change.type
        before = Stored(stored.key, stored.uid, 0, change.old) if change.old is not None else None
        matched = before is not None and self.selector.select(before)
        matches = change.type is not ChangeType.DELETED and self.selector.select(stored)
        if matches:
            return ChangeType.MODIFIED if matched else ChangeType.ADDED
        return ChangeType.DELETED if matched else None


class Encoder:
    """Makes the lines of one watch."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._include = call.table()
        self._headings = True

    def line(self, type_: str, stored: Stored) -> bytes:
        """The line of a change."""
        if self._include is None:
            return _line(type_, outward_bytes(self._call.type, stored))
        return self._table(type_, [stored], stored.revision)

    def bookmark(self, revision: int) -> bytes:
        """The line that says that all up to a revision was sent."""
        if self._include is not None:
            return self._table(_BOOKMARK, [], revision)
        asked = self._call.type
        metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
        mark = {"kind": asked.kind, "apiVersion": asked.api_version, "metadata": metadata}
        return _line(_BOOKMARK, orjson.dumps(mark))

    @staticmethod
    def error(problem: ApiError) -> bytes:
        """The line that ends a watch, and for 410 makes the client list again."""
        return _line(_ERROR, orjson.dumps(statuses.failure(problem)))

    def _table(self, type_: str, items: Sequence[Stored], revision: int) -> bytes:
        style = TableStyle(self._include or "", datetime.now(UTC))
        metadata = {"resourceVersion": str(revision)}
        document = table(self._call.type, items, style, metadata, headings=self._headings)
        self._headings = False
        return _line(type_, orjson.dumps(document))


class _Stream:
    """One watch: first what happened since the client looked, then what happens."""

    def __init__(self, call: Call, store: ObjectStore, hub: Hub) -> None:
        self._kind, self._namespace = call.type.kind, call.namespace
        self._store, self._hub = store, hub
        self._encoder, self._filter = Encoder(call), _Filter(call, call.selector())
        self._bookmarks = query.flag(call.query, "allowWatchBookmarks")
        self._sent = query.number(call.query, "resourceVersion")
        self._deadline = deadline(call)

    async def chunks(self, interval: float) -> AsyncGenerator[bytes, None]:
        """What to send, until the time is over or the server stops.

        Args:
            interval: seconds of silence after which a bookmark is due.
        """
        with self._hub.subscription(self._kind) as subscription:
            try:
                async for chunk in self._past():
                    yield chunk
            except RevisionExpired as error:
                yield self._encoder.error(expired(f"too old resource version: {error}"))
                return
            async for chunk in self._present(subscription, interval):
                yield chunk

    async def _past(self) -> AsyncIterator[bytes]:
        if self._sent == 0:
            listing = self._store.list(self._kind, self._namespace)
            self._sent = listing.revision
            yield self._lines(Change(ChangeType.ADDED, item, None) for item in listing.items)
        behind = self._sent != self._store.revision  # a version of the future is not known either
        while behind:
            changes = await asyncio.to_thread(self._store.since, self._sent, limit=_PAGE)
            if changes:
                self._sent = changes[-1].stored.revision
                yield self._lines(c for c in changes if c.stored.key.kind == self._kind)
            behind = len(changes) == _PAGE

    async def _present(self, subscription: Subscription, interval: float) -> AsyncIterator[bytes]:
        while (left := self._deadline - time.monotonic()) > 0:
            changes = await subscription.next(min(left, interval))
            if changes:
                yield self._lines(c for c in changes if c.stored.revision > self._sent)
                self._sent = max(self._sent, changes[-1].stored.revision)
            elif subscription.ended:
                return
            elif self._bookmarks:
                self._sent = max(self._sent, self._hub.revision)
                yield self._encoder.bookmark(self._sent)

    def _lines(self, changes: Iterable[Change]) -> bytes:
        events = ((self._filter.event(change), change.stored) for change in changes)
        return b"".join([self._encoder.line(type_, item) for type_, item in events if type_])


class Watches:
    """Answers watches.

    Args:
        store: the objects and their history.
        hub: tells of changes.
        bookmark_interval: seconds of silence after which a client that wants them gets a bookmark.
    """

    def __init__(self, store: ObjectStore, hub: Hub, *, bookmark_interval: float) -> None:
        self._store = store
        self._hub = hub
        self._bookmark_interval = bookmark_interval

    async def watch(self, call: Call) -> web.StreamResponse:
        """Streams changes until the time is over, the client goes or the server stops.

        Raises:
            ApiError: 400 or 422 for parameters that can't be taken.
        """
        stream = _Stream(call, self._store, self._hub)
        return await answer(call, stream.chunks(self._bookmark_interval))


def deadline(call: Call) -> float:
    """When a watch ends, on the monotonic clock.

    Raises:
        ApiError: 400, the client's `timeoutSeconds` is no number.
    """
    random_time = random.uniform(_SHORTEST, _LONGEST)  # noqa: S311 - only spreads the load
    return time.monotonic() + query.timeout(call.query, random_time)


async def answer(call: Call, lines: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """Sends the lines of a watch as they come.

    Args:
        call: what the client asked for.
        lines: one or several whole lines at a time.

    Raises:
        ApiError: 422, the client asks for a streamed list.
    """
    async with aclosing(lines) as chunks:
        if query.flag(call.query, "sendInitialEvents"):
            cause = ("sendInitialEvents", "is forbidden: not supported, list first")
            raise invalid(call.type, "", [cause])
        response = web.StreamResponse(headers={"Content-Type": JSON, "Cache-Control": "no-store"})
        await response.prepare(call.request)
        await _send(response, chunks, call.request)
    return response


async def _send(
    response: web.StreamResponse, chunks: AsyncIterator[bytes], request: web.Request
) -> None:
    try:
        async for chunk in chunks:
            async with asyncio.timeout(_WRITE_TIMEOUT):
                await response.write(chunk)
        await response.write_eof()
    except (ConnectionError, TimeoutError):  # the client went, or takes nothing any more
        if request.transport is not None:
            request.transport.abort()


def _line(type_: str, value: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (type_.encode(), value)
