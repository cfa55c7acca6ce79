"""A toy kind whose plans have several steps: `Ladder` climbs rung by rung. For tests of crashes."""

from __future__ import annotations

from pathlib import Path

from desired_state.objects import CommonSpec, JsonObject, ObjectRef
from desired_state.scheme import Kind
from swarmkeeper.runtime.diff import FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.runbook import Runbook


class LadderSpec(CommonSpec):
    """How high to be."""

    rungs: int
    """Number of rungs to stand on."""


class LadderReconciler:
    """Climbs; the world is a file with a line for each rung.

    Args:
        file: the world.
    """

    kind = Kind("Ladder", "ladders", LadderSpec)
    runbooks: tuple[Runbook, ...] = (
        Runbook("climb", "Climbs one rung.", Risk.LOW, revert="None is needed."),
    )
    steady: bool = True

    def __init__(self, file: Path) -> None:
        self._file = file

    def signals(self, ref: ObjectRef, spec: LadderSpec) -> frozenset[str]:
        """None."""
        return frozenset()

    def observe(self, target: Target[LadderSpec], ports: Ports) -> list[str]:
        """The rungs that were climbed, in order."""
        return self._file.read_text().split() if self._file.exists() else []

    def plan(self, target: Target[LadderSpec], observed: list[str]) -> Plan:
        """A step for each rung that is missing."""
        missing = [str(n) for n in range(target.spec.rungs) if str(n) not in observed]
        if not missing:
            return Plan()
        diff = FieldDiff("spec.rungs", target.spec.rungs, len(observed), None)
        steps = (Action("climb", f"rung/{n}", {}, {"rung": n}, "higher") for n in missing)
        return Plan((diff,), tuple(steps))

    def act(self, target: Target[LadderSpec], action: Action, ports: Ports) -> str:
        """Climbs one rung, never twice the same."""
        with self._file.open("a") as file:
            file.write(f"{action.after['rung']}\n")
        return f"on rung {action.after['rung']}"

    def verify(self, target: Target[LadderSpec], observed: list[str]) -> Verification:
        """Well, when it is up."""
        return Verification((), healthy=len(observed) == target.spec.rungs, message=str(observed))

    def finalize(self, target: Target[LadderSpec], observed: list[str]) -> Plan:
        """Nothing is undone."""
        return Plan()

    def remember(self, target: Target[LadderSpec], observed: list[str]) -> JsonObject | None:
        """Nothing."""
        return None
