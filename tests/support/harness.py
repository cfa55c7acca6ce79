"""An engine on a toy kind, a database in memory and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN
from desired_state.scheme import Scheme
from support.toy import GaugeReconciler, Gauges
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.controller.deps import Deps, no_checkpoint
from swarmkeeper.controller.guard import CHECKS, Guard
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.controller.origins import Origins
from swarmkeeper.controller.outcome import Outcome
from swarmkeeper.controller.passes import Passes
from swarmkeeper.controller.recorder import Recorder
from swarmkeeper.controller.signals import SignalIndex
from swarmkeeper.runtime.ports import HttpProbe, Ports
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.swarm import Swarm
from swarmkeeper.store.audit import AuditTrail, Record
from swarmkeeper.store.database import Database
from swarmkeeper.store.memory import Memory
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore


@dataclass
class HandClock:
    """A clock that moves when told to."""

    time: datetime = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time

    def forward(self, **length: float) -> None:
        """Moves it, e.g. `seconds=30`."""
        self.time += timedelta(**length)


@dataclass
class Harness:
    """The engine and its world.

    Attributes:
        path: database file, or `:memory:`.
        checkpoint: called at each step of a pass.
        world: the gauges.
        clock: moved by hand.
        reconcilers: further kinds.
        ports: what these kinds may ask.
        database: instead of the one at the path.
    """

    path: str | Path = ":memory:"
    checkpoint: Callable[[str], None] = no_checkpoint
    world: Gauges = field(default_factory=Gauges)
    clock: HandClock = field(default_factory=HandClock)
    reconcilers: Mapping[str, Reconciler[Any, Any]] = field(default_factory=dict)
    ports: Ports | None = None
    database: SqlDatabase | None = None

    def __post_init__(self) -> None:
        """Builds the parts."""
        database = self.database or Database(self.path)
        reconciler = GaugeReconciler(self.world)
        reconcilers = {"Gauge": reconciler, **self.reconcilers}
        kinds = (known.kind for known in reconcilers.values())
        self.scheme = Scheme([GIT_REPOSITORY, RUNBOOK_RUN, *kinds])
        self.objects = Resources(SqlObjectStore(database), self.scheme, clock=self.clock)
        self.trail = AuditTrail(database, now=self.clock.now)
        self.deps = Deps(
            reconcilers=reconcilers,
            objects=self.objects,
            ports=self.ports or Ports(cast(Swarm, None), cast(HttpProbe, None), self.clock),
            guard=Guard(CHECKS),
            trail=self.trail,
            memory=Memory(database),
            recorder=Recorder(self.objects, actor="swarmkeeper"),
            origins=Origins(),
            signals=SignalIndex(),
            metrics=Metrics(),
            checkpoint=self.checkpoint,
        )
        self.woken: list[ObjectRef] = []
        self.passes = Passes(self.deps, self.woken.extend)

    def declare(
        self, name: str = "a", *, annotations: Mapping[str, str] | None = None, **spec: Any
    ) -> ObjectRef:
        """Creates a gauge."""
        metadata = {"name": name, "annotations": dict(annotations or {})}
        self.objects.create(
            {"apiVersion": API_VERSION, "kind": "Gauge", "metadata": metadata, "spec": spec},
            actor="test",
        )
        return ObjectRef("Gauge", name)

    def ask(self, runbook: str, target: ObjectRef, name: str = "run", **spec: Any) -> ObjectRef:
        """Creates a RunbookRun."""
        asked = {"runbook": runbook, "target": {"kind": target.kind, "name": target.name}, **spec}
        self.objects.create(
            {
                "apiVersion": API_VERSION,
                "kind": "RunbookRun",
                "metadata": {"name": name},
                "spec": asked,
            },
            actor="test",
        )
        return ObjectRef("RunbookRun", name)

    def change(self, ref: ObjectRef, **spec: Any) -> None:
        """Changes a gauge's spec."""
        self.objects.patch(ref, {"spec": spec}, actor="test")

    def run(self, ref: ObjectRef) -> Outcome:
        """One pass."""
        return self.passes.run(ref)

    def stored(self, ref: ObjectRef) -> JsonObject:
        """The object as stored."""
        stored = self.objects.get(ref)
        assert stored is not None
        return stored

    def status(self, ref: ObjectRef) -> JsonObject:
        """Its status."""
        return dict(self.stored(ref).get("status", {}))

    def condition(self, ref: ObjectRef, type_: str) -> tuple[str, str] | None:
        """Status and reason of a condition, or None."""
        for condition in self.status(ref).get("conditions", ()):
            if condition["type"] == type_:
                return condition["status"], condition["reason"]
        return None

    def events(self) -> list[tuple[str, str, str]]:
        """All events: type, reason and message."""
        return [(e["type"], e["reason"], e["message"]) for e in self.objects.list("Event")]

    def records(self) -> list[Record]:
        """The audit trail."""
        return list(self.trail.records())
