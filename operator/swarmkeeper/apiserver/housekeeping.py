"""What the API does by the hour: forget old history and old events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from swarmkeeper.apiserver import events
from swarmkeeper.apiserver.verbs import Verbs

COMPACTION_INTERVAL: Final = 300.0
"""Seconds between compactions; history is kept for one to two of them, as in Kubernetes."""
KEPT_REVISIONS: Final = 1000
"""Changes that are kept however old they are: on a quiet system watches resume from there."""
_EXPIRY_INTERVAL: Final = 60.0
_log = logging.getLogger(__name__)


class Housekeeping:
    """Runs on an event loop; the work itself is done on threads.

    Args:
        verbs: the objects.
        event_ttl: how long events are kept after they happened last.
        due: asked each time: whether it is for this process to do.
    """

    def __init__(
        self, verbs: Verbs, *, event_ttl: timedelta, due: Callable[[], bool] = lambda: True
    ) -> None:
        self._verbs = verbs
        self._due = due
        self._event_ttl = event_ttl
        self._previous = 0
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins; call it on the loop."""
        self._tasks = [
            asyncio.create_task(self._every(COMPACTION_INTERVAL, self.compact)),
            asyncio.create_task(self._every(_EXPIRY_INTERVAL, self.expire_events)),
        ]

    async def stop(self) -> None:
        """Ends, after the step under way."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    def compact(self) -> int:
        """Forgets the history up to where it stood at the last call.

        Returns:
            The number of rows removed.
        """
        store = self._verbs.store
        target = min(self._previous, store.revision - KEPT_REVISIONS)
        self._previous = store.revision
        return store.compact(target) if target > 0 else 0

    def expire_events(self) -> int:
        """Deletes old events.

        Returns:
            Their number.
        """
        return events.expire(self._verbs, before=datetime.now(UTC) - self._event_ttl)

    async def _every(self, interval: float, work: Callable[[], int]) -> None:
        while not await self._stopped_within(interval):
            if not self._due():
                continue
            try:
                count = await asyncio.to_thread(work)
            except Exception:  # the next turn tries again
                _log.exception("housekeeping failed", extra={"work": work.__name__})
            else:
                _log.debug("housekeeping done", extra={"work": work.__name__, "count": count})

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()
