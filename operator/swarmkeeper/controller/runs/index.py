"""Which runs wait for, or work on, which object: so that a pass over an object finds them at no cost."""

from __future__ import annotations

import threading
from collections import defaultdict

from desired_state.objects import ObjectRef


class RunIndex:
    """Runs that have not ended, by their target; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: defaultdict[ObjectRef, set[ObjectRef]] = defaultdict(set)
        self._targets: dict[ObjectRef, ObjectRef] = {}

    def note(self, run: ObjectRef, target: ObjectRef) -> None:
        """Notes a run and what it is for."""
        with self._lock:
            self._drop(run)
            self._targets[run] = target
            self._runs[target].add(run)

    def forget(self, run: ObjectRef) -> None:
        """Drops a run that has ended."""
        with self._lock:
            self._drop(run)

    def of(self, target: ObjectRef) -> tuple[ObjectRef, ...]:
        """The runs for an object."""
        with self._lock:
            return tuple(sorted(self._runs.get(target, ())))

    def _drop(self, run: ObjectRef) -> None:
        target = self._targets.pop(run, None)
        if target is not None:
            self._runs[target].discard(run)
            if not self._runs[target]:
                del self._runs[target]
