"""The controller: a work queue, bounded workers, and the triggers that fill the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from desired_state.objects import JsonObject, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.metrics import QUEUE
from swarmkeeper.controller.names import APPROVE, REFUSED, REQUESTED_AT, RUN
from swarmkeeper.controller.passes import Passes
from swarmkeeper.controller.queue import WorkQueue
from swarmkeeper.controller.targets import ready_signal
from swarmkeeper.runtime import conditions

logger = logging.getLogger(__name__)
AFTER_PANIC: Final = 5.0
LONGEST_WAIT: Final = 120.0
"""Seconds after which a due object that nobody looks at means that something is wrong."""
LONGEST_PASS: Final = 600.0
"""Seconds after which a pass that has not ended means that something is wrong."""


class Controller:
    """Runs passes on worker threads.

    Args:
        deps: the controller's parts.
        workers: how many passes may run at once.
    """

    def __init__(self, deps: Deps, *, workers: int = 4) -> None:
        self._deps = deps
        self._passes = Passes(deps, lambda refs: self.look_at(refs, urgent=True))
        self._kinds = (*deps.reconcilers, RUNBOOK_RUN.name)
        self._queue: WorkQueue[ObjectRef] = WorkQueue()
        self._lock = threading.Lock()
        self._seen: dict[ObjectRef, tuple[Any, ...]] = {}
        self._sources: dict[ObjectRef, Callable[[], None]] = {}
        self._workers = [
            threading.Thread(target=self._work, name=f"pass-{number}", daemon=True)
            for number in range(workers)
        ]
        metrics = deps.metrics
        metrics.begin_at_zero(deps.reconcilers)
        metrics.workers.set(workers)
        metrics.active.set_function(lambda: self._queue.in_progress)
        metrics.depth.labels(QUEUE).set_function(lambda: len(self._queue))
        metrics.longest.labels(QUEUE).set_function(self._queue.longest_pass)

    def start(self) -> None:
        """Starts the workers and makes every stored object due."""
        self._note_all()
        for worker in self._workers:
            worker.start()
        self.look_at_all()

    def stop(self, grace: float) -> bool:
        """Begins no further pass and lets those that run end.

        Args:
            grace: seconds to wait for them at most.

        Returns:
            Whether all have ended; one that has not left its intent in the audit trail.
        """
        self._queue.close()
        deadline = time.monotonic() + grace
        for worker in filter(threading.Thread.is_alive, self._workers):
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def look_at(self, refs: Iterable[ObjectRef], *, urgent: bool = False) -> None:
        """Makes objects due now.

        Args:
            refs: which.
            urgent: they go before objects that are due for a mere interval.
        """
        for ref in refs:
            if ref.kind in self._kinds:
                self._queue.add(ref, urgent=urgent)

    def look_at_all(self) -> None:
        """Makes every object due: at the start, and after a gap in the engine's events."""
        for kind in self._kinds:
            for stored in self._deps.objects.list(kind):
                metadata = stored["metadata"]
                self._queue.add(ObjectRef(kind, metadata["name"], metadata["namespace"]))

    def add_source(self, ref: ObjectRef, trigger: Callable[[], None]) -> None:
        """Lets a change of a GitRepository object trigger its source loop."""
        self._sources[ref] = trigger

    def on_signals(self, names: Iterable[str]) -> None:
        """Something in the world moved: whoever listens to it looks."""
        self.look_at(self._deps.signals.listeners(names), urgent=True)

    def on_change(self, ref: ObjectRef, body: JsonObject, gone: bool) -> None:
        """An object on the API changed: it looks, and so do those that depend on it."""
        if gone:
            self._deps.metrics.inventory.forget(ref)
        else:
            self._deps.metrics.inventory.note(ref, body)
        fingerprint = None if gone else _fingerprint(body)
        with self._lock:
            before = self._seen.get(ref)
            if fingerprint is None:
                self._seen.pop(ref, None)
            else:
                self._seen[ref] = fingerprint
        if fingerprint == before:
            return
        if fingerprint is None or before is None or fingerprint[:-1] != before[:-1]:
            self._sources.get(ref, lambda: self.look_at([ref], urgent=True))()
        if fingerprint is None or before is None or fingerprint[-1] != before[-1]:
            self.on_signals([ready_signal(ref)])

    def problem(self) -> str:
        """Why nothing is reconciled though it should be; empty while all goes well."""
        if not all(worker.is_alive() for worker in self._workers):
            return "a worker has died"
        if (waited := self._queue.longest_wait()) > LONGEST_WAIT:
            return f"an object has been due for {waited:.0f} s, and nobody looks at it"
        if (taken := self._queue.longest_pass()) > LONGEST_PASS:
            return f"a pass has not ended for {taken:.0f} s"
        return ""

    def __len__(self) -> int:
        """How many objects are due now or in progress."""
        return len(self._queue) + self._queue.in_progress

    def _note_all(self) -> None:
        """Notes how objects are that are due anyway: being told of them is no reason to look twice."""
        for kind in self._kinds:
            for stored in self._deps.objects.list(kind):
                metadata = stored["metadata"]
                ref = ObjectRef(kind, metadata["name"], metadata["namespace"])
                self._seen.setdefault(ref, _fingerprint(stored))

    def _work(self) -> None:
        metrics = self._deps.metrics
        while (item := self._queue.get()) is not None:
            ref, waited = item
            metrics.waiting.labels(QUEUE).observe(waited)
            after: float | None = AFTER_PANIC
            try:
                outcome = self._passes.run(ref)
                after = outcome.after.total_seconds() if outcome.after is not None else None
            except Exception:
                # The store or the API itself failed: no pass may end a worker.
                logger.exception("pass could not be concluded", extra={"object": str(ref)})
                metrics.panics.labels(ref.kind).inc()
            self._queue.done(ref, after=after)


def _fingerprint(body: JsonObject) -> tuple[Any, ...]:
    """What must change for another look; the last part is what dependents care about."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    status = body.get("status") or {}
    ready = conditions.find(status.get("conditions", ()), conditions.READY) or {}
    return (
        metadata["uid"],
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        annotations.get(REQUESTED_AT),
        annotations.get(RUN),
        annotations.get(APPROVE),
        annotations.get(REFUSED),
        (ready.get("status"), ready.get("observedGeneration")),
    )
