"""The Swarm port: what may be asked of a Docker Swarm manager, without Docker's client types.

Specs travel as plain JSON in the Engine API's own shape (ServiceSpec of API 1.41), because a service
must be written back whole: what we do not understand has to survive untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from desired_state.objects import JsonObject

Resource = Literal["networks", "secrets", "configs"]
"""What services refer to by id."""


class SwarmError(Exception):
    """Base: an answer of the engine that is no success; the message is the engine's own."""


class SwarmUnavailable(SwarmError):  # noqa: N818 - a state of the engine, not a mistake
    """No answer: daemon stopped or frozen, no leader, no quorum. What it would have said is Unknown."""


class OutOfSequence(SwarmError):  # noqa: N818 - the engine's own words
    """Another writer was faster ("update out of sequence"); re-read and decide again."""


class Refused(SwarmError):  # noqa: N818 - what the engine did
    """The engine understood and said no (bad spec, name taken): trying again can't help."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the engine has it now.

    Attributes:
        id: engine's id.
        name: unique name.
        version: index for optimistic concurrency.
        spec: full ServiceSpec.
        previous_spec: the spec before the last update, or None.
        update_status: `UpdateStatus` as the engine gives it ({} where there was no update).
        created_at: RFC 3339 time.
        updated_at: RFC 3339 time.
    """

    id: str
    name: str
    version: int
    spec: JsonObject
    previous_spec: JsonObject | None
    update_status: Mapping[str, Any]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a service.

    Attributes:
        id: engine's id.
        slot: number of the replica; 0 for global services.
        node_id: where it runs; empty while it is not placed.
        state: new, pending, ..., running, complete, failed, rejected, shutdown, orphaned.
        desired_state: running, shutdown or remove.
        error: the engine's message, or empty.
        image: image of the container.
        created_at: RFC 3339 time.
        exit_code: of the container, where it ended.
        addresses: IPv4/IPv6 addresses on its networks, without the prefix length.
        since: RFC 3339 time of the last change of the state.
        spec: TaskSpec that it was made from: shows whether it is up to date with the service.
    """

    id: str
    slot: int
    node_id: str
    state: str
    desired_state: str
    error: str
    image: str
    created_at: str
    exit_code: int | None = None
    addresses: tuple[str, ...] = ()
    since: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the swarm.

    Attributes:
        id: engine's id.
        hostname: its name.
        ready: state is `ready`: its tasks' states can be believed.
        address: IP address.
        role: manager or worker.
        availability: active, pause or drain.
    """

    id: str
    hostname: str
    ready: bool
    address: str
    role: str
    availability: str


class Swarm(Protocol):
    """A Swarm manager. Every call has a time-out and raises SwarmError."""

    def service(self, name: str) -> Service | None:
        """The service of this name, or None where the engine says that there is none."""
        ...

    def tasks(self, service_id: str) -> tuple[Task, ...]:
        """All tasks of a service that the engine still knows."""
        ...

    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        ...

    def ids(self, what: Resource) -> Mapping[str, str]:
        """Name -> id of all networks of the swarm, secrets or configs."""
        ...

    def create(self, spec: JsonObject) -> str:
        """Creates a service from a full ServiceSpec; the engine resolves names of networks to ids.

        Returns:
            The id of the new service.
        """
        ...

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        """Re-reads the service, lets `change` compute the new full spec, writes it at that version.

        On "update out of sequence" it re-reads and asks `change` again, a few times.

        Args:
            service: id or name.
            change: fresh service -> the full spec to write, or None to write nothing.

        Returns:
            The version that was replaced, or None if nothing was written.
        """
        ...

    def rollback(self, service_id: str, version: int) -> None:
        """Swaps the spec and the previous spec, at a version (`?rollback=previous`)."""
        ...

    def remove(self, service_id: str) -> None:
        """Removes the service; absent is fine."""
        ...
