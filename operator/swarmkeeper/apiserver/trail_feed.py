"""Tells the watches of the audit trail that there are new entries.

The database gives hints, also of what other processes wrote; most are about something else. One look
for all watches at a time tells whether the trail has grown; each watch then reads on by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from swarmkeeper.store.audit_reads import AuditReader
from swarmkeeper.store.sql import DatabaseError


class TrailFeed:
    """Hints for the watches of one event loop.

    Args:
        reader: of the trail.
    """

    def __init__(self, reader: AuditReader) -> None:
        self._reader = reader
        self._newest = 0
        self._watching = 0
        self._hint = asyncio.Event()
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ended = False
        """Whether all watches have to end."""

    def start(self) -> None:
        """Begins to listen; call it on the loop."""
        loop = asyncio.get_running_loop()

        def listen() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody watches any more
                loop.call_soon_threadsafe(self._hint.set)

        self._reader.follow(listen)
        self._task = asyncio.create_task(self._run(), name="api-trail")

    async def stop(self) -> None:
        """Ends all watches, and every one that begins later."""
        self.ended = True
        self._moved.set()
        self._hint.set()
        if self._task is not None:
            await self._task

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A watch; who has none to serve looks at nothing."""
        self._watching += 1
        try:
            yield
        finally:
            self._watching -= 1

    async def wait(self, after: int, timeout: float) -> bool:
        """Waits for entries above a position, or for the end.

        Args:
            after: the position that the watch has come to.
            timeout: seconds.

        Returns:
            False where nothing was heard of in time; the watch looks by itself then.
        """
        if self._newest > after or self.ended:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _run(self) -> None:
        while not self.ended:
            await self._hint.wait()
            self._hint.clear()
            if self._watching and not self.ended:
                with suppress(DatabaseError):  # the next hint, or the watch itself, looks again
                    self._tell((await asyncio.to_thread(self._reader.newest))[0])

    def _tell(self, newest: int) -> None:
        if newest > self._newest and not self.ended:
            self._newest = newest
            self._moved.set()
            self._moved = asyncio.Event()
