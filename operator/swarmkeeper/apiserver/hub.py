"""Hands committed changes to the watches of an event loop.

The store tells its listener on the writer's thread; from there everything happens on the loop, so
nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from swarmkeeper.store.objects import Change, ObjectStore

MAX_WAITING: Final = 10_000
"""Changes that a watch may be behind; then it ends, and the client resumes where it was."""


class Subscription:
    """Changes of one kind, for one watch.

    Args:
        kind: kind in the store.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.ended = False
        self._waiting: deque[Change] = deque()
        self._wake = asyncio.Event()

    def offer(self, change: Change) -> None:
        """Adds a change, or ends the subscription where too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            self.end()
        elif not self.ended:
            self._waiting.append(change)
            self._wake.set()

    def end(self) -> None:
        """Ends the subscription: `next` gives what waits, then nothing."""
        self.ended = True
        self._wake.set()

    async def next(self, timeout: float) -> Sequence[Change]:
        """All that waits; none where nothing came in time, or the subscription has ended.

        Args:
            timeout: seconds.
        """
        if not self._waiting and not self.ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
        # Also after a time-out: a change may have come in the same turn of the loop.
        changes = tuple(self._waiting)
        self._waiting.clear()
        if not self.ended:
            self._wake.clear()
        return changes


class Hub:
    """All watches of one event loop.

    Args:
        store: whose changes to hand on.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._subscriptions: set[Subscription] = set()
        self._stop: Callable[[], None] | None = None
        self._closed = False
        self.revision = 0
        """All changes up to this revision were handed on."""

    def start(self) -> None:
        """Begins to listen; call it on the loop."""
        loop = asyncio.get_running_loop()
        self.revision = self._store.revision

        def listen(changes: Sequence[Change]) -> None:
            loop.call_soon_threadsafe(self._hand_on, changes)

        self._stop = self._store.subscribe(listen)

    def stop(self) -> None:
        """Ends all watches, and every one that begins later."""
        self._closed = True
        if self._stop is not None:
            self._stop()
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscription(self, kind: str) -> Iterator[Subscription]:
        """Changes of a kind from now on."""
        subscription = Subscription(kind)
        self._subscriptions.add(subscription)
        if self._closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def _hand_on(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for subscription in self._subscriptions:
                if subscription.kind == change.stored.key.kind:
                    subscription.offer(change)
            self.revision = change.stored.revision
