"""The orchestrator behind FakeSwarm: makes, replaces and ends tasks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desired_state.objects import JsonObject
from swarmkeeper.runtime.swarm import Node, Service, Task
from swarmkeeper.testing.engine import task_spec

HISTORY = 5
"""Ended tasks that Swarm keeps for each slot."""


@dataclass
class Record:
    """A service and its tasks inside FakeSwarm."""

    service: Service
    tasks: list[Task] = field(default_factory=list)


class Orchestrator:
    """Brings tasks in line with a service, at once.

    Args:
        nodes: live view of the nodes by id.
        stamp: gives the present time as RFC 3339.
    """

    def __init__(self, nodes: Mapping[str, Node], stamp: Callable[[], str]) -> None:
        self.state = "running"
        self.still = False
        self.broken: dict[str, str] = {}
        self._nodes = nodes
        self._stamp = stamp
        self._count = 0
        self._turn = 0

    def error_of(self, spec: Mapping[str, Any]) -> str:
        """The error that tasks of a spec end with, or empty."""
        return self.broken.get(spec["TaskTemplate"]["ContainerSpec"]["Image"], "")

    def settle(self, record: Record) -> None:
        """Ends tasks that should not run, and makes those that are missing."""
        if self.still:
            return
        spec = record.service.spec
        template = task_spec(spec)
        kept: list[Task] = []
        missing = dict.fromkeys(self._slots(spec))
        for task in record.tasks:
            slot = self._slot_of(task, spec)
            good = task.desired_state == "running" and task.spec == template and self._alive(task)
            if good and slot in missing:
                del missing[slot]
                kept.append(task)
            else:
                kept.append(self._ended(task))
        kept += [self._new(spec, slot) for slot in missing]
        record.tasks = list(self._with_history(kept))

    def _slots(self, spec: Mapping[str, Any]) -> Iterable[int | str]:
        if "Global" in spec["Mode"]:
            return [n.id for n in self._nodes.values() if n.ready and n.availability == "active"]
        return range(1, spec["Mode"].get("Replicated", {}).get("Replicas", 0) + 1)

    def _slot_of(self, task: Task, spec: Mapping[str, Any]) -> int | str:
        return task.node_id if "Global" in spec["Mode"] else task.slot

    def _alive(self, task: Task) -> bool:
        return task.state not in ("failed", "rejected", "complete") and (
            not task.node_id or self._nodes[task.node_id].ready
        )

    def _ended(self, task: Task) -> Task:
        if task.desired_state != "running":
            return task
        # The state of a task on a dead node stays as it was last heard.
        silent = task.node_id and not self._nodes[task.node_id].ready
        ended = task.state in ("failed", "rejected", "complete") or silent
        state = task.state if ended else "shutdown"
        return replace(task, desired_state="shutdown", state=state, since=self._stamp())

    def _new(self, spec: JsonObject, slot: int | str) -> Task:
        self._count += 1
        error = self.error_of(spec)
        now = self._stamp()
        return Task(
            id=f"task{self._count:021}",
            slot=slot if isinstance(slot, int) else 0,
            node_id=slot if isinstance(slot, str) else self._place(),
            state="rejected" if error else self.state,
            desired_state="running",
            error=error,
            image=spec["TaskTemplate"]["ContainerSpec"]["Image"],
            created_at=now,
            addresses=(f"10.0.{self._count // 250 % 250}.{self._count % 250 + 2}",),
            since=now,
            spec=task_spec(spec),
        )

    def _place(self) -> str:
        able = [n.id for n in self._nodes.values() if n.ready and n.availability == "active"]
        self._turn += 1
        return able[self._turn % len(able)] if able else ""

    @staticmethod
    def _with_history(tasks: list[Task]) -> Iterator[Task]:
        seen: dict[int | str, int] = {}
        for task in sorted(tasks, key=lambda task: task.id, reverse=True):
            slot = task.slot or task.node_id
            seen[slot] = seen.get(slot, 0) + 1
            if seen[slot] <= HISTORY + 1:
                yield task
