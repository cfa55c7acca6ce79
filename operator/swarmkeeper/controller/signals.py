"""Which objects want to look when something in the world moves."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable

from desired_state.objects import ObjectRef


class SignalIndex:
    """Both directions: signal name to objects, and object to signal names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: defaultdict[str, set[ObjectRef]] = defaultdict(set)
        self._signals: dict[ObjectRef, frozenset[str]] = {}

    def listen(self, ref: ObjectRef, signals: frozenset[str]) -> None:
        """Replaces the signals that an object listens to."""
        with self._lock:
            if self._signals.get(ref) == signals:
                return
            self._drop(ref)
            self._signals[ref] = signals
            for signal in signals:
                self._objects[signal].add(ref)

    def forget(self, ref: ObjectRef) -> None:
        """Drops an object."""
        with self._lock:
            self._drop(ref)

    def listeners(self, signals: Iterable[str]) -> set[ObjectRef]:
        """The objects that listen to any of these signals."""
        with self._lock:
            found: set[ObjectRef] = set()
            for signal in signals:
                found |= self._objects.get(signal, set())
            return found

    def _drop(self, ref: ObjectRef) -> None:
        for signal in self._signals.pop(ref, frozenset()):
            self._objects[signal].discard(ref)
            if not self._objects[signal]:
                del self._objects[signal]
