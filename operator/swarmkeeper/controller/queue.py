"""The work queue: which objects are due for a look, each at most once, never two passes at a time.

The semantics are those of Kubernetes' client-go workqueue: a key that is added many times is handed
out once; a key that is added while its pass runs is handed out again afterwards. Each key also has at
most one later time at which it becomes due by itself, set when its pass ends.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

KeyT = TypeVar("KeyT")
SLACK: Final = 0.25
SLACK_FROM: Final = 5.0
"""Waits of so many seconds and more may be longer by up to SLACK seconds."""


class WorkQueue(Generic[KeyT]):
    """Thread-safe queue of keys.

    Args:
        monotonic: seconds that never go back; replaced in tests.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._ready: OrderedDict[KeyT, float] = OrderedDict()  # since when each is due
        self._processing: dict[KeyT, float] = {}
        self._again: set[KeyT] = set()
        self._due: dict[KeyT, float] = {}
        self._timers: list[tuple[float, int, KeyT]] = []
        self._count = 0
        self._timed = False
        self._closed = False

    def add(self, key: KeyT, *, urgent: bool = False) -> None:
        """Makes a key due now.

        Args:
            key: what to look at.
            urgent: goes before the keys that wait already.
        """
        with self._changed:
            if self._closed:
                return
            if key in self._processing:
                self._again.add(key)
                return
            if key not in self._ready:
                self._ready[key] = self._monotonic()
                self._changed.notify()
            if urgent:
                self._ready.move_to_end(key, last=False)

    def get(self, timeout: float | None = None) -> tuple[KeyT, float] | None:
        """Waits for a due key; the caller must call `done` for it.

        Args:
            timeout: seconds to wait at most; None waits until the queue is closed.

        Returns:
            The key and the seconds it has waited, or None on time-out or after `close`.
        """
        deadline = None if timeout is None else self._monotonic() + timeout
        with self._changed:
            while not self._closed:
                self._fire_timers()
                if self._ready:
                    key, since = self._ready.popitem(last=False)
                    waited = self._monotonic() - since
                    self._processing[key] = self._monotonic()
                    self._due.pop(key, None)
                    if self._ready or (self._timers and not self._timed):
                        self._changed.notify()  # somebody must see to the others
                    return key, waited
                if deadline is not None and deadline <= self._monotonic():
                    return None
                self._wait(deadline)
            return None

    def done(self, key: KeyT, *, after: float | None = None) -> None:
        """Ends the pass of a key.

        Args:
            key: what `get` handed out.
            after: seconds until the key is due again by itself; None: only when added.
        """
        with self._changed:
            self._processing.pop(key, None)
            if key in self._again:
                self._again.discard(key)
                self._ready[key] = self._monotonic()
            elif after is not None:
                due = _with_slack(self._monotonic() + after, after)
                self._due[key] = due
                self._count += 1
                heapq.heappush(self._timers, (due, self._count, key))
                if self._timers[0][2] == key:
                    self._changed.notify_all()  # whoever minds the timers must wake earlier
                    return
            self._changed.notify()

    def close(self) -> None:
        """Hands out nothing more; every waiting `get` returns None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """How many keys are due now."""
        with self._changed:
            self._fire_timers()
            return len(self._ready)

    @property
    def in_progress(self) -> int:
        """How many keys are handed out and not done."""
        with self._changed:
            return len(self._processing)

    def longest_wait(self) -> float:
        """Seconds that the oldest due key has waited; also one whose time came and nobody woke."""
        with self._changed:
            now = self._monotonic()
            due = [*self._ready.values(), *(time for time, _, _ in self._timers[:1])]
            return max((0.0, *(now - since for since in due)))

    def longest_pass(self) -> float:
        """Seconds that the oldest key in progress was handed out ago."""
        with self._changed:
            now = self._monotonic()
            return max((now - since for since in self._processing.values()), default=0.0)

    def _fire_timers(self) -> None:
        now = self._monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == due:
                del self._due[key]
                self._ready.setdefault(key, now)

    def _wait(self, deadline: float | None) -> None:
        """Sleeps until something changes; only one of those that wait minds the timers."""
        minds_timers = bool(self._timers) and not self._timed
        times = [self._timers[0][0]] if minds_timers else []
        if deadline is not None:
            times.append(deadline)
        self._timed = self._timed or minds_timers
        try:
            pause = max(min(times) - self._monotonic(), 0.0005) if times else None
            self._changed.wait(pause)
        finally:
            if minds_timers:
                self._timed = False


def _with_slack(due: float, after: float) -> float:
    """A time a little later, so that many keys become due together and wake the machine once."""
    if after < SLACK_FROM:
        return due
    return math.ceil(due / SLACK) * SLACK
