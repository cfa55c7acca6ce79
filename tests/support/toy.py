"""A toy kind, `Gauge`: keeps a number in a dictionary. For tests of the engine itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from desired_state.objects import CommonSpec, Dependency, JsonObject, ObjectRef
from desired_state.scheme import Kind
from swarmkeeper.runtime.conditions import Condition, Status
from swarmkeeper.runtime.diff import FieldDiff
from swarmkeeper.runtime.errors import Stalled
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.runbook import HealthChecks, Parameter, Runbook
from swarmkeeper.runtime.unknown import Unknown


class GaugeSpec(CommonSpec):
    """A number that should be somewhere."""

    value: int
    """The number."""
    health_checks: tuple[Dependency, ...] = ()
    """What must be well after `replace`."""


def _after_replace(spec: GaugeSpec) -> HealthChecks | None:
    delay, timeout = timedelta(seconds=10), timedelta(minutes=5)
    return HealthChecks(spec.health_checks, timeout, delay, "`set` it again")


@dataclass
class Gauges:
    """The world: numbers by name, and faults on demand.

    Attributes:
        values: what is there.
        writes: every write, in order.
        unreadable: why nothing can be read, or empty.
        before_write: called first in every write; may raise.
        stubborn: writes are accepted and change nothing.
        progress: what is under way, or empty.
        healthy: health as observed.
        judged: how often a plan was made.
        recheck: how soon the kind wants to look again.
        blocked: what only a human can settle.
        risk: of setting a number.
        runs: requests for `reset` that were done: each is done once.
    """

    values: dict[str, int] = field(default_factory=dict)
    writes: list[tuple[str, int | None]] = field(default_factory=list)
    unreadable: str = ""
    before_write: Callable[[], None] = lambda: None
    stubborn: bool = False
    progress: str = ""
    healthy: bool | None = True
    judged: int = 0
    recheck: timedelta | None = None
    blocked: tuple[str, str] | None = None
    risk: Risk = Risk.LOW
    urgent: bool = False
    runs: set[str] = field(default_factory=set)

    def write(self, name: str, value: int | None) -> None:
        """Sets or removes a number."""
        self.before_write()
        self.writes.append((name, value))
        if self.stubborn:
            return
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = value

    def note(self, run: str) -> None:
        """Remembers a request that was done."""
        self.runs.add(run)


class GaugeReconciler:
    """Keeps the numbers as declared."""

    kind = Kind("Gauge", "gauges", GaugeSpec, short_names=("g",))
    runbooks: tuple[Runbook, ...] = (
        Runbook("set", "Sets the number.", Risk.LOW, revert="set"),
        Runbook("reset", "Sets the number again.", Risk.LOW, revert="set", automatic=False),
        Runbook(
            "replace",
            "Sets the number again, which others notice.",
            Risk.LOW,
            revert="set",
            automatic=False,
            health=_after_replace,
        ),
        Runbook("clear", "Removes the number.", Risk.HIGH, revert="set"),
        Runbook(
            "add",
            "Adds to the number, if it is positive.",
            Risk.MEDIUM,
            revert="set",
            parameters=(Parameter("by", "How much.", required=True), Parameter("note", "Why.")),
            automatic=False,
        ),
    )

    def __init__(self, world: Gauges, *, steady: bool = True) -> None:
        self.world = world
        self.steady = steady

    def signals(self, ref: ObjectRef, spec: GaugeSpec) -> frozenset[str]:
        """The gauge of the object's name."""
        return frozenset({f"gauge/{ref.name}"})

    def observe(self, target: Target[GaugeSpec], ports: Ports) -> int | Unknown | None:
        """The number, None where there is none."""
        if self.world.unreadable:
            return Unknown(self.world.unreadable)
        return self.world.values.get(target.ref.name)

    def plan(self, target: Target[GaugeSpec], observed: int | Unknown | None) -> Plan:
        """Set it, if it differs."""
        self.world.judged += 1
        if isinstance(observed, Unknown):
            return Plan(unknown=(observed.reason,))
        if observed == target.spec.value:
            return Plan()
        path = "spec.value"
        diff = FieldDiff(path, target.spec.value, observed, target.origin_of(path))
        if self.world.blocked is not None:
            return Plan((diff,), blocked=self.world.blocked)
        name = target.ref.name
        after = {path: target.spec.value}
        action = Action(
            "set",
            f"gauge/{name}",
            {path: observed},
            after,
            "differs",
            self.world.risk,
            urgent=self.world.urgent,
        )
        return Plan((diff,), (action,))

    def act(self, target: Target[GaugeSpec], action: Action, ports: Ports) -> str:
        """Writes it."""
        value = action.after.get("spec.value")
        if action.runbook in {"reset", "replace"}:
            value = target.spec.value
            if action.parameters["run"] in self.world.runs:
                return "was done already"
        if action.runbook == "add":
            if not action.parameters["by"].isdecimal():
                raise Stalled("by: not a positive number", reason="InvalidParameter")
            value = self.world.values.get(target.ref.name, 0) + int(action.parameters["by"])
        self.world.write(target.ref.name, value)
        self.world.note(action.parameters.get("run", ""))
        return f"set to {value}"

    def verify(self, target: Target[GaugeSpec], observed: int | Unknown | None) -> Verification:
        """Accurate, if it is as declared."""
        if isinstance(observed, Unknown):
            condition = Condition("Accurate", Status.UNKNOWN, "Unreadable", observed.reason)
            return Verification((condition,), healthy=None, message=observed.reason)
        accurate = observed == target.spec.value
        condition = Condition("Accurate", Status.of(accurate), "Compared")
        return Verification(
            (condition,),
            healthy=self.world.healthy,
            message=f"value is {observed}",
            progress=self.world.progress,
            recheck=self.world.recheck,
            fields={"value": observed} if observed is not None else {},
        )

    def finalize(self, target: Target[GaugeSpec], observed: int | Unknown | None) -> Plan:
        """Remove it."""
        if isinstance(observed, Unknown):
            return Plan(unknown=(observed.reason,))
        if observed is None:
            return Plan()
        name = target.ref.name
        return Plan((), (Action("clear", f"gauge/{name}", {"v": observed}, {}, "deleted"),))

    def remember(self, target: Target[GaugeSpec], observed: Any) -> JsonObject | None:
        """The last good number."""
        return {"value": observed} if isinstance(observed, int) else None
