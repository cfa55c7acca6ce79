"""Passes over one object without the engine: for tests of a kind against fakes or a real swarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from desired_state.objects import CommonSpec, JsonObject
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.conditions import Condition
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Reconciler, Target, Verification
from swarmkeeper.testing.builders import target_of

SpecT = TypeVar("SpecT", bound=CommonSpec)


class Loop(Generic[SpecT]):
    """Keeps the status and the memory of one object between passes, as the engine does.

    Args:
        reconciler: of its kind.
        ports: fakes, or real adapters.
        declared: the spec as people would write it.
        name: name of the object.
    """

    def __init__(
        self,
        reconciler: Reconciler[SpecT, Any],
        ports: Ports,
        declared: Mapping[str, Any],
        *,
        name: str = "web",
    ) -> None:
        self._reconciler = reconciler
        self._ports = ports
        self._target = target_of(reconciler, declared, name=name)
        self.status: JsonObject = {}
        self.memory: JsonObject | None = None

    @property
    def target(self) -> Target[SpecT]:
        """The object as the next pass will see it."""
        now = self._ports.clock.now()
        return replace(self._target, status=self.status, memory=self.memory, now=now)

    def declare(self, declared: Mapping[str, Any]) -> None:
        """Changes the spec: a new generation."""
        fresh = target_of(self._reconciler, declared, name=self._target.ref.name)
        self._target = replace(fresh, generation=self._target.generation + 1)

    def plan(self) -> Plan:
        """Observes and plans; changes nothing."""
        return self._reconciler.plan(
            self.target, self._reconciler.observe(self.target, self._ports)
        )

    def run(self, *, act: bool = True) -> Verification:
        """One pass: observe, plan, act, observe, verify, status."""
        plan = self.plan()
        for action in plan.actions if act else ():
            self._reconciler.act(self.target, action, self._ports)
        return self._look()

    def ask(self, runbook: str, **parameters: Any) -> str:
        """Runs a runbook by hand; `run` is the identity of the request."""
        name = str(self._target.ref)
        after = {key: value for key, value in parameters.items() if key == "run"}
        action = Action(runbook, name, {}, after, "asked for", Risk.MEDIUM, parameters)
        return self._reconciler.act(self.target, action, self._ports)

    def delete(self) -> Plan:
        """The end of the object: plans what to undo, and does it."""
        observed = self._reconciler.observe(self.target, self._ports)
        plan = self._reconciler.finalize(self.target, observed)
        for action in plan.actions:
            self._reconciler.act(self.target, action, self._ports)
        return plan

    def condition(self, type_: str) -> tuple[str, str] | None:
        """Status and reason of a stored condition."""
        found = conditions.find(self.status.get("conditions", ()), type_)
        return (found["status"], found["reason"]) if found else None

    def _look(self) -> Verification:
        target = self.target
        observed = self._reconciler.observe(target, self._ports)
        drift = self._reconciler.plan(target, observed).drift
        verification = self._reconciler.verify(target, observed)
        kept = self._reconciler.remember(target, observed)
        self.memory = self.memory if kept is None else kept
        self.status = {
            **verification.fields,
            "conditions": self._merged(verification.conditions),
            "drift": [diff.as_status() for diff in drift],
        }
        return verification

    def _merged(self, found: tuple[Condition, ...]) -> list[JsonObject]:
        return conditions.merge(
            self.status.get("conditions", ()),
            found,
            generation=self._target.generation,
            now=self._ports.clock.now(),
        )
