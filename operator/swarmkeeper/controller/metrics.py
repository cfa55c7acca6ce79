"""Metrics of the controller, under controller-runtime's names where one exists."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from desired_state.objects import ObjectRef

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All series, on an own registry so that several controllers fit into one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kind = ("controller",)
        self.passes = Counter(
            "controller_runtime_reconcile",
            "Passes by result: success, error, requeue or requeue_after.",
            ("controller", "result"),
            registry=self.registry,
        )
        self.errors = Counter(
            "controller_runtime_reconcile_errors", "Failed passes.", kind, registry=self.registry
        )
        self.panics = Counter(
            "controller_runtime_reconcile_panics",
            "Passes that ended in an unexpected exception.",
            kind,
            registry=self.registry,
        )
        self.seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of a pass.",
            kind,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.waiting = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a key was due before its pass began.",
            ("name",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.depth = Gauge(
            "workqueue_depth", "Keys that are due now.", ("name",), registry=self.registry
        )
        self.actions = Counter(
            "swarmkeeper_actions",
            "Actions by runbook and outcome.",
            ("kind", "runbook", "outcome"),
            registry=self.registry,
        )
        self.correction = Histogram(
            "swarmkeeper_correction_seconds",
            "From the start of a pass to the engine's acceptance of the correction.",
            ("kind", "runbook"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.status_writes = Counter(
            "swarmkeeper_status_writes", "Status writes.", kind, registry=self.registry
        )
        self.breaker = Gauge(
            "swarmkeeper_breaker_state",
            "Breakers that have opened since the start: 0 closed, 1 half open, 2 open.",
            ("kind", "namespace", "name"),
            registry=self.registry,
        )
        self.last_pass = Gauge(
            "swarmkeeper_last_pass_timestamp_seconds",
            "When a pass last ended, seconds since the epoch: old means that nothing is reconciled.",
            registry=self.registry,
        )

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
