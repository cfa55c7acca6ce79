"""Metrics of the controller, under controller-runtime's names where one exists."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from desired_state.objects import ObjectRef
from swarmkeeper.controller.figures import Figures
from swarmkeeper.controller.inventory import Inventory

QUEUE: Final = "passes"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LONG: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_RESULTS: Final = ("success", "error", "requeue_after")
_LEASE: Final = "swarmkeeper"  # one store has one lease


class Metrics:
    """All series, on an own registry so that several controllers fit into one process."""

    def __init__(self) -> None:
        # Else each counter has a second series, that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.inventory = Inventory()
        self.registry.register(self.inventory)
        self.figures = Figures()
        self.registry.register(self.figures)
        ProcessCollector(registry=self.registry)
        self._reconcile()
        self._queue()
        self._actions()
        self._lease()

    def _lease(self) -> None:
        self.leader = Gauge(
            "leader_election_master_status",
            "Whether this operator acts: 1, or 0 where it stands by.",
            ("name",),
            registry=self.registry,
        )
        self.note_leader(acts=False)

    def _reconcile(self) -> None:
        self.passes = self._counter(
            "controller_runtime_reconcile",
            "Passes by result: success, error or requeue_after.",
            "controller",
            "result",
        )
        self.errors = self._counter(
            "controller_runtime_reconcile_errors", "Failed passes.", "controller"
        )
        self.panics = self._counter(
            "controller_runtime_reconcile_panics",
            "Passes that ended in an unexpected exception.",
            "controller",
        )
        self.seconds = self._histogram(
            "controller_runtime_reconcile_time_seconds", "Length of a pass.", "controller"
        )
        self.active = self._gauge("controller_runtime_active_workers", "Passes that run now.")
        self.workers = self._gauge(
            "controller_runtime_max_concurrent_reconciles", "Passes that may run at once."
        )
        self.status_writes = self._counter(
            "swarmkeeper_status_writes", "Status writes.", "controller"
        )
        self.last_pass = self._gauge(
            "swarmkeeper_last_pass_timestamp_seconds",
            "When a pass last ended, seconds since the epoch: old means that nothing is reconciled.",
        )

    def _queue(self) -> None:
        self.waiting = self._histogram(
            "workqueue_queue_duration_seconds",
            "How long a key was due before its pass began.",
            "name",
        )
        self.depth = self._gauge("workqueue_depth", "Keys that are due now.", "name")
        self.longest = self._gauge(
            "workqueue_longest_running_processor_seconds",
            "How long the longest of the passes that run now has run.",
            "name",
        )

    def _actions(self) -> None:
        self.actions = self._counter(
            "swarmkeeper_actions",
            "Actions by runbook and outcome: Succeeded, Applied or Failed.",
            "kind",
            "runbook",
            "outcome",
        )
        self.correction = self._histogram(
            "swarmkeeper_correction_seconds",
            "From the start of a pass to the engine's acceptance of the correction.",
            "kind",
            "runbook",
        )
        self.convergence = Histogram(
            "swarmkeeper_convergence_seconds",
            "From the pass that first saw a drift, or a new generation, to Ready.",
            ("kind",),
            buckets=_LONG,
            registry=self.registry,
        )
        self.breaker = self._gauge(
            "swarmkeeper_breaker_state",
            "Breakers that have opened since the start: 0 closed, 1 half open, 2 open.",
            "kind",
            "namespace",
            "name",
        )

    def begin_at_zero(self, kinds: Iterable[str]) -> None:
        """Makes the counters of passes be there before the first one, so that rates are right.

        Args:
            kinds: that will be reconciled.
        """
        for kind in kinds:
            for result in _RESULTS:
                self.passes.labels(kind, result)
            for counter in (self.errors, self.panics, self.status_writes, self.seconds):
                counter.labels(kind)

    def note_leader(self, *, acts: bool) -> None:
        """Sets whether this operator acts."""
        self.leader.labels(_LEASE).set(acts)

    def note_breaker(self, ref: ObjectRef, level: int) -> None:
        """Sets the state of an object's breaker: 0 closed, 1 half open, 2 open."""
        self.breaker.labels(ref.kind, ref.namespace, ref.name).set(level)

    def forget_breaker(self, ref: ObjectRef) -> None:
        """Drops the series of an object that is gone."""
        with suppress(KeyError):
            self.breaker.remove(ref.kind, ref.namespace, ref.name)

    def render(self) -> bytes:
        """All series in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=_BUCKETS, registry=self.registry)
