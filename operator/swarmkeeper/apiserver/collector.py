"""Runs the garbage collection: at once where a change asks for it, and every minute besides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import orjson

from swarmkeeper.apiserver import ownership
from swarmkeeper.apiserver.catalogue import EVENT
from swarmkeeper.apiserver.garbage import Garbage
from swarmkeeper.store.objects import Change, ChangeType, ObjectStore

_INTERVAL: Final = 60.0  # seconds between sweeps that nothing asked for
_PAUSE: Final = 0.1  # seconds between sweeps: many changes share one
_RETRY: Final = 1.0  # seconds after the first failure, then twice that, up to the interval
_log = logging.getLogger(__name__)


class Collector:
    """Sweeps on a thread, asked for from an event loop.

    Args:
        store: whose changes ask for a sweep.
        garbage: what is swept.
        due: asked each time: whether it is for this process to do.
    """

    def __init__(self, store: ObjectStore, garbage: Garbage, *, due: Callable[[], bool]) -> None:
        self._store = store
        self._garbage = garbage
        self._due = due
        self._asked = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begins; call it on the loop."""
        loop = asyncio.get_running_loop()

        def listen(changes: Sequence[Change]) -> None:
            if any(map(_asks, changes)):
                loop.call_soon_threadsafe(self._asked.set)

        self._unsubscribe = self._store.subscribe(listen)
        self._asked.set()  # for what happened while nobody listened
        self._task = asyncio.create_task(self._run(), name="api-garbage")

    async def stop(self) -> None:
        """Ends, after the sweep under way."""
        self._unsubscribe()
        self._stopping = True
        self._asked.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        retry, wait = _RETRY, _INTERVAL
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._asked.wait()
            if self._stopping:
                return
            self._asked.clear()
            if self._due() and not await self._sweep():
                wait, retry = retry, min(2 * retry, _INTERVAL)
            else:
                wait, retry = _INTERVAL, _RETRY
            await asyncio.sleep(_PAUSE)

    async def _sweep(self) -> bool:
        try:
            left = await asyncio.to_thread(self._garbage.sweep)
        except Exception:  # the next turn tries again
            _log.exception("garbage collection failed")
            return False
        return left == 0


def _asks(change: Change) -> bool:
    """Whether something may be collected after a change."""
    if change.type is ChangeType.DELETED:
        return change.stored.key.kind != EVENT.kind
    value = change.stored.value
    return ownership.may_matter(value) and _ties(value) != _ties(change.old)


def _ties(value: bytes | None) -> tuple[object, ...]:
    metadata = orjson.loads(value)["metadata"] if value is not None else {}
    return tuple(map(metadata.get, ("ownerReferences", "finalizers", "deletionTimestamp")))
