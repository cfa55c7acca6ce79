"""Counting tasks the way that can be believed, and what they say about failures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from reconcilers.swarm_service.settings import mode_of, replicas_of
from swarmkeeper.runtime.swarm import Node, Service, Task

CRASHES: Final = 3
"""So many failed tasks of one slot are a crash loop; Swarm keeps five by default."""
RECENT: Final = timedelta(minutes=10)
"""Older failures do not count."""
STEADY: Final = timedelta(seconds=60)
"""A task that has run so long has recovered."""

_ENDED: Final = ("failed", "rejected", "complete")
_ID: Final = re.compile(r"\b([0-9a-f]{64}|[0-9a-z]{25})\b")
_NO_IMAGE: Final = re.compile(
    r"(?i)no such image|manifest unknown|pull access denied|not found: man"
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the tasks of a service are.

    Attributes:
        desired: tasks that should run.
        running: tasks that should run, do run, and whose node can be believed.
        updated: those of them that were made from the service's present spec.
        errors: the engine's messages for tasks of the present spec that do not run.
        failures: its messages for tasks of any spec that have failed, where they are still known.
        crashing: whether tasks of the present spec end again and again.
    """

    desired: int
    running: int
    updated: int
    errors: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    crashing: bool = False

    @property
    def no_image(self) -> str:
        """The engine's message if an image can't be had, or empty."""
        return next((error for error in self.errors if _NO_IMAGE.search(error)), "")

    def __str__(self) -> str:
        """`2/3 running`, with the number of tasks that are up to date where it differs."""
        stale = f", {self.updated} up to date" if self.updated < self.running else ""
        return f"{self.running}/{self.desired} running{stale}"


def counts(task: Task, nodes: Mapping[str, Node]) -> bool:
    """Whether a task runs and is meant to, on a node whose word can be taken."""
    node = nodes.get(task.node_id)
    wanted = task.desired_state == "running" and task.state == "running"
    return wanted and node is not None and node.ready


def rollout(
    service: Service, tasks: Sequence[Task], nodes: Mapping[str, Node], now: datetime
) -> Rollout:
    """Sums up the tasks of a service."""
    running = [task for task in tasks if counts(task, nodes)]
    current = _of_present_spec(service, tasks)
    # "completed" is the engine's own word that no old task is left; a write takes it back.
    completed = service.update_status.get("State") == "completed"
    slots = _by_slot(current).values()
    idle = [slot for slot in slots if not any(counts(task, nodes) for task in slot)]
    return Rollout(
        desired=_desired(service, tasks),
        running=len(running),
        updated=len(running) if completed else sum(counts(task, nodes) for task in current),
        errors=_errors(idle),
        failures=failures(tasks),
        crashing=any(_crashes(slot, nodes, now) for slot in slots),
    )


def failures(tasks: Iterable[Task]) -> tuple[str, ...]:
    """The engine's messages for failed tasks, the newest of each slot."""
    failed = [task for task in tasks if task.state in ("failed", "rejected")]
    return _errors(_by_slot(failed).values())


def _desired(service: Service, tasks: Iterable[Task]) -> int:
    if mode_of(service.spec) == "replicated":
        return int(replicas_of(service.spec))
    return sum(task.desired_state in ("running", "ready") for task in tasks)


def _of_present_spec(service: Service, tasks: Sequence[Task]) -> Sequence[Task]:
    """Just after a write the engine has not begun to replace the old tasks."""
    template = _comparable(service.spec.get("TaskTemplate") or {})
    return [task for task in tasks if not task.spec or _comparable(task.spec) == template]


def _comparable(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    # A changed constraint does not touch a task whose node still fits; tasks name no runtime.
    return {key: value for key, value in spec.items() if key not in ("Placement", "Runtime")}


def _by_slot(tasks: Iterable[Task]) -> Mapping[str, list[Task]]:
    """Tasks of each replica (or, for a global service, of each node), the newest first."""
    slots: dict[str, list[Task]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.created_at, reverse=True):
        slots[str(task.slot or task.node_id)].append(task)
    return slots


def _errors(slots: Iterable[Sequence[Task]]) -> tuple[str, ...]:
    """Without ids and repetitions, so that they stay the same while nothing changes."""
    newest = (next((t.error for t in slot if t.error), "") for slot in slots)
    return tuple(sorted({without_ids(error) for error in newest if error}))


def without_ids(message: str) -> str:
    """A message of the engine without the ids of tasks and containers."""
    return _ID.sub("…", message)


def _crashes(slot: Sequence[Task], nodes: Mapping[str, Node], now: datetime) -> bool:
    if any(counts(task, nodes) and now - _time(task.since) > STEADY for task in slot):
        return False
    ended = [task for task in slot if task.state in _ENDED]
    return sum(now - _time(task.created_at) < RECENT for task in ended) >= CRASHES


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
