"""The contract: what a kind is.

A reconciler keeps one kind of object true. For each object the engine runs passes:

    observe -> plan -> guard -> act -> observe -> verify -> status

and it may do so at any time, any number of times, for no reason at all: a pass is level-triggered. It
decides from what it sees, never from what an event claimed. So every method here must be idempotent,
and `plan` and `verify` must be pure: same input, same answer, no clock, no network.

The methods are plain synchronous functions. They run on worker threads, never two at once for the
same object, and every external call that they make through the ports has its own time-out.

Example in words: `SwarmService` observes a service and its tasks, plans `scale` when the replicas
differ, acts by one update of the full spec at the version it saw, and verifies by counting tasks that
run on ready nodes. The engine asks the guard, writes the audit trail and the status around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from desired_state.objects import CommonSpec, JsonObject, ObjectRef, Origin
from desired_state.scheme import Kind
from swarmkeeper.runtime.conditions import Condition
from swarmkeeper.runtime.figures import Figure
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.runbook import Runbook

SpecT = TypeVar("SpecT", bound=CommonSpec)
ObservedT = TypeVar("ObservedT")


@dataclass(frozen=True, slots=True)
class Target(Generic[SpecT]):
    """One object as a pass sees it: everything that `plan` and `verify` may depend on.

    Attributes:
        ref: which object.
        uid: identity of this incarnation; a new object of the same name has another.
        generation: counts changes of the spec.
        spec: validated, with defaults.
        declared: the spec exactly as declared: a field that is absent here is another's.
        origin_of: dotted path -> where it was declared, or None for an object that no file declares.
        memory: what `remember` gave at an earlier pass, or None.
        status: the stored status of the object.
        now: start of the pass, timezone-aware.
    """

    ref: ObjectRef
    uid: str
    generation: int
    spec: SpecT
    declared: Mapping[str, Any]
    origin_of: Callable[[str], Origin | None]
    now: datetime
    memory: JsonObject | None = None
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a fresh look at the world says: the kind's part of the status.

    Attributes:
        conditions: the kind's own conditions (not Ready, Reconciling, Stalled: the engine sums up).
        healthy: does what runs work? None is Unknown.
        message: one line on the state, shown in `kubectl get`.
        progress: what is still under way, or empty; Ready is Unknown meanwhile.
        failure: (reason, message) of what has failed and was not put right, or None.
        recheck: how soon to look again; by default a second while something is under way, and the
            object's interval otherwise.
        fields: kind-specific fields of the status; camelCase, JSON-like, stable when nothing changes.
        figures: gauges of the object for Prometheus.
    """

    conditions: tuple[Condition, ...]
    healthy: bool | None
    message: str
    progress: str = ""
    failure: tuple[str, str] | None = None
    recheck: timedelta | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()


class Reconciler(Protocol[SpecT, ObservedT]):
    """Keeps one kind of object true; see the module's text for the rules.

    Attributes:
        kind: how it is spelled.
        runbooks: its procedures.
        steady: a verdict of Ready does not lapse by the mere passing of time, so an unchanged object
            in an unchanged world need not be judged again. Observations must then be dataclasses of
            JSON-like values. False for what expires or grows old.
    """

    kind: Kind
    runbooks: tuple[Runbook, ...]
    steady: bool

    def signals(self, ref: ObjectRef, spec: SpecT) -> frozenset[str]:
        """Names of the things in the world whose events should cause a look.

        Args:
            ref: which object.
            spec: its spec.

        Returns:
            Names such as `service/agentes_ai_orchestrator` or `node`.
        """
        ...

    def observe(self, target: Target[SpecT], ports: Ports) -> ObservedT:
        """Reads the world, and only reads. What can't be read is `Unknown`, never absence."""
        ...

    def plan(self, target: Target[SpecT], observed: ObservedT) -> Plan:
        """Decides: pure. An empty plan means in sync."""
        ...

    def act(self, target: Target[SpecT], action: Action, ports: Ports) -> str:
        """Takes one step, idempotently: re-reads, checks that `before` still holds, writes.

        Returns:
            A short sentence on the result, for the audit trail.

        Raises:
            Retry: the world moved, or a transient failure; nothing is left half done.
            Wait: not now.
            Stalled: it can't be done without a human.
            UnderWay: it takes longer than a pass may, and goes on by itself. Later passes ask for the
                same action again, also when it is not planned any more, until it has ended.
        """
        ...

    def verify(self, target: Target[SpecT], observed: ObservedT) -> Verification:
        """Judges a fresh observation: pure. The world counts, not an exit code."""
        ...

    def finalize(self, target: Target[SpecT], observed: ObservedT) -> Plan:
        """Plans what must be undone when the object was deleted: pure. Empty: nothing is left."""
        ...

    def remember(self, target: Target[SpecT], observed: ObservedT) -> JsonObject | None:
        """What to keep for later passes (say, the last good spec as a way back): pure.

        Returns:
            JSON-like data, or None to keep what is stored. It lies in the store, not in the status.
        """
        ...
