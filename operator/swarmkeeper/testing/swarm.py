"""A Swarm in memory, with the semantics of the real engine that a kind can trip over."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import RLock
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.runtime.ports import Clock
from swarmkeeper.runtime.swarm import (
    Node,
    OutOfSequence,
    Refused,
    Resource,
    Service,
    SwarmUnavailable,
    Task,
)
from swarmkeeper.testing.clock import FakeClock
from swarmkeeper.testing.engine import accepted, dirty, refuse_forbidden
from swarmkeeper.testing.tasks import Orchestrator, Record

ATTEMPTS: Final = 4
OnEvent = Callable[[set[str]], None]


class FakeSwarm:
    """Implements the port Swarm; everything below "by hand" is what other people do to it.

    Tasks start and updates complete at once, unless an image is broken or `task_state` says
    otherwise. Safe for several threads.

    Args:
        nodes: how many nodes there are; the first is the manager.
        clock: for time stamps.
        on_event: called after each change with names such as `service/web` or `node`.
    """

    def __init__(
        self, *, nodes: int = 1, clock: Clock | None = None, on_event: OnEvent | None = None
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.available = True
        self.on_event = on_event
        self._clock = clock or FakeClock()
        self._lock = RLock()
        self._nodes = {node.id: node for node in map(_node, range(1, nodes + 1))}
        self._ids: dict[str, dict[str, str]] = {"networks": {}, "secrets": {}, "configs": {}}
        self._records: dict[str, Record] = {}
        self._by_name: dict[str, str] = {}
        self._index = 10
        self._conflicts = 0
        self._refusal = ""
        self._orchestrator = Orchestrator(self._nodes, self._stamp)

    # The port.

    def service(self, name: str) -> Service | None:
        """The service of this name, or None."""
        with self._call("service"):
            id_ = self._by_name.get(name)
            return None if id_ is None else _copy(self._records[id_].service)

    def tasks(self, service_id: str) -> tuple[Task, ...]:
        """The tasks of a service."""
        with self._call("tasks"):
            record = self._records.get(service_id)
            return tuple(record.tasks) if record else ()

    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        with self._call("nodes"):
            return tuple(self._nodes.values())

    def ids(self, what: Resource) -> Mapping[str, str]:
        """Name -> id."""
        with self._call("ids"):
            return dict(self._ids[what])

    def create(self, spec: JsonObject) -> str:
        """Creates a service.

        Raises:
            Refused: the name is taken, or the spec can't run.
        """
        with self._call("create"):
            if spec["Name"] in self._by_name:
                raise Refused("name conflicts with an existing object: service already exists")
            kept = accepted(spec, self._ids)
            self._index += 1
            id_, now = f"service{self._index:018}", self._stamp()
            service = Service(id_, kept["Name"], self._index, kept, None, {}, now, now)
            self._records[id_] = Record(service)
            self._by_name[service.name] = id_
            self._orchestrator.settle(self._records[id_])
        self._tell(service.name)
        return id_

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        """Writes the spec that `change` computes; re-reads on a conflict.

        Args:
            service: id or name.
            change: fresh service -> the full spec to write, or None to write nothing.

        Returns:
            The version that was replaced, or None if nothing was written.

        Raises:
            OutOfSequence: others were faster each time.
            Refused: the service is gone, or Swarm does not allow the change.
        """
        for _ in range(ATTEMPTS):
            with self._call("update"):
                fresh = _copy(self._record(service).service)
            spec = change(fresh)
            if spec is None:
                return None
            with self._call("write"):
                record = self._record(service)
                if self._conflicts > 0:
                    self._conflicts -= 1
                    self._bump(record)
                if record.service.version == fresh.version:
                    self._write(record, spec)
                    break
        else:
            raise OutOfSequence("rpc error: code = Unknown desc = update out of sequence")
        self._tell(record.service.name)
        return fresh.version

    def rollback(self, service_id: str, version: int) -> None:
        """Swaps the spec and the previous one.

        Raises:
            OutOfSequence: another version is current.
            Refused: there is no previous spec.
        """
        with self._call("write"):
            record = self._record(service_id)
            service = record.service
            if service.version != version:
                raise OutOfSequence("rpc error: code = Unknown desc = update out of sequence")
            if service.previous_spec is None:
                raise Refused("service does not have a previous spec")
            self._set(record, service.previous_spec, previous=service.spec)
            self._status(record, "rollback_completed", "rollback completed")
        self._tell(service.name)

    def remove(self, service_id: str) -> None:
        """Removes a service; absent is fine."""
        with self._call("remove"):
            record = self._records.pop(service_id, None)
            if record is None:
                return
            del self._by_name[record.service.name]
        self._tell(record.service.name)

    # By hand: what other people, and fate, do to a swarm.

    @property
    def writes(self) -> int:
        """How many calls have changed something, or tried to."""
        return sum(self.calls[name] for name in ("create", "write", "remove"))

    def add(self, what: Resource, *names: str) -> None:
        """Makes networks, secrets or configs."""
        for name in names:
            self._index += 1
            self._ids[what][name] = f"{what[:-1]}{self._index:018}"

    def edit(self, name: str, change: Callable[[JsonObject], None]) -> None:
        """Changes a service behind the operator's back.

        Args:
            name: of the service.
            change: edits the full spec in place.
        """
        with self._lock:
            record = self._records[self._by_name[name]]
            spec = copy.deepcopy(record.service.spec)
            change(spec)
            self._write(record, spec)
        self._tell(name)

    def script_update(self, name: str, state: str, message: str = "") -> None:
        """Puts a service's UpdateStatus to a state; empty for none."""
        with self._lock:
            record = self._records[self._by_name[name]]
            self._status(record, state, message)
        self._tell(name)

    def delete(self, name: str) -> None:
        """Removes a service behind the operator's back."""
        with self._lock:
            del self._records[self._by_name.pop(name)]
        self._tell(name)

    def break_image(self, image: str, error: str = "") -> None:
        """From now on no task of an image starts."""
        self._orchestrator.broken[image] = error or f"No such image: {image}"

    def mend_image(self, image: str) -> None:
        """The image is fine again; tasks start with the next `restart_tasks`."""
        self._orchestrator.broken.pop(image, None)

    def new_tasks_stay(self, state: str) -> None:
        """From now on new tasks stay in a state, e.g. `preparing`; `running` is usual."""
        self._orchestrator.state = state

    def go_on(self) -> None:
        """The orchestrator acts again: on what is written from now on."""
        self._orchestrator.still = False

    def stand_still(self) -> None:
        """From now on no task is made or ended: the engine has not got round to it yet."""
        self._orchestrator.still = True

    def set_tasks(self, name: str, **changes: Any) -> None:
        """Changes attributes of the tasks of a service that should run, e.g. `state="failed"`."""
        with self._lock:
            record = self._records[self._by_name[name]]
            record.tasks = [
                replace(t, **changes) if t.desired_state == "running" else t for t in record.tasks
            ]

    def restart_tasks(self, name: str) -> None:
        """Lets the orchestrator replace tasks that have ended."""
        with self._lock:
            self._orchestrator.settle(self._records[self._by_name[name]])

    def set_node(self, number: int, *, ready: bool) -> None:
        """Takes a node down or up; its tasks move, and their old state stays a lie."""
        with self._lock:
            id_ = _node(number).id
            self._nodes[id_] = replace(self._nodes[id_], ready=ready)
            for record in self._records.values():
                self._orchestrator.settle(record)
        if self.on_event:
            self.on_event({"node"})

    def conflict_next(self, count: int) -> None:
        """The next writes find that somebody else was faster."""
        self._conflicts = count

    def refuse_next(self, message: str) -> None:
        """The next write is refused, with these words of the engine."""
        self._refusal = message

    # Inside.

    def _call(self, name: str) -> RLock:
        if not self.available:
            raise SwarmUnavailable("the engine did not answer within 10 s")
        self.calls[name] += 1
        return self._lock

    def _record(self, service: str) -> Record:
        id_ = self._by_name.get(service, service)
        if id_ not in self._records:
            raise Refused(f"service {service} not found")
        return self._records[id_]

    def _write(self, record: Record, spec: JsonObject) -> None:
        old, refusal = record.service.spec, self._refusal
        if refusal:
            self._refusal = ""
            raise Refused(refusal)
        new = accepted(spec, self._ids)
        refuse_forbidden(old, new)
        self._set(record, new, previous=old)
        if dirty(old, new) and not self._orchestrator.still:
            self._outcome(record, old)

    def _outcome(self, record: Record, old: JsonObject) -> None:
        spec = record.service.spec
        action = (spec.get("UpdateConfig") or {}).get("FailureAction", "pause")
        error = self._orchestrator.error_of(spec)
        if not error or action == "continue":
            self._status(record, "completed", "update completed")
        elif action == "rollback":
            self._set(record, old, previous=None)
            self._status(record, "rollback_completed", "rollback completed")
        else:
            message = "update paused due to failure or early termination of task"
            self._status(record, "paused", message)

    def _set(self, record: Record, spec: JsonObject, *, previous: JsonObject | None) -> None:
        self._bump(record)
        record.service = replace(
            record.service,
            spec=spec,
            previous_spec=previous,
            update_status={},
            updated_at=self._stamp(),
        )
        self._orchestrator.settle(record)

    def _status(self, record: Record, state: str, message: str) -> None:
        self._bump(record)
        status = {"State": state, "StartedAt": self._stamp(), "Message": message}
        record.service = replace(record.service, update_status=status if state else {})

    def _bump(self, record: Record) -> None:
        self._index += 1
        record.service = replace(record.service, version=self._index)

    def _stamp(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")

    def _tell(self, name: str) -> None:
        if self.on_event:
            self.on_event({f"service/{name}"})


def _node(number: int) -> Node:
    role = "manager" if number == 1 else "worker"
    return Node(f"node{number:021}", f"host{number}", True, f"10.1.0.{number}", role, "active")


def _copy(service: Service) -> Service:
    """A copy that its caller may change, made as cheaply as a real answer is parsed."""
    parts = (service.spec, service.previous_spec, dict(service.update_status))
    spec, previous, status = orjson.loads(orjson.dumps(parts))
    return replace(service, spec=spec, previous_spec=previous, update_status=status)
