"""The port Swarm on a real engine: full specs, at the version that was read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from desired_state.objects import JsonObject
from swarmkeeper.adapters.docker import credentials
from swarmkeeper.adapters.docker.connection import Answer, Engine
from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.adapters.docker.errors import check, says_no_such_service
from swarmkeeper.adapters.docker.shapes import ids_of, node_of, service_of, task_of
from swarmkeeper.runtime.swarm import (
    Node,
    OutOfSequence,
    Refused,
    Resource,
    Service,
    Task,
)
from swarmkeeper.runtime.tracing import NO_TRACER, Tracer

FRESH: Final = 0.1
"""Seconds for which a read may serve as the base of a write; its version is checked anyway."""
ATTEMPTS: Final = 5
"""How often a write is tried when others write at the same time."""

RegistryAuth = Callable[[str], str | None]


class DockerSwarm:
    """Asks a Swarm manager. Safe for several threads; every call is bounded in time.

    Args:
        docker_host: `unix:///path` or `tcp://host:port`.
        timeout: seconds for one request to the engine.
        registry_auth: image -> value of the header X-Registry-Auth for it, or None; by default what
            `docker login` left.
        tracer: told of every request.
    """

    def __init__(
        self,
        docker_host: str,
        *,
        timeout: float = 10.0,
        registry_auth: RegistryAuth = credentials.of_user,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._engine = Engine(Endpoint.parse(docker_host), timeout=timeout, tracer=tracer)
        self._reads = threading.local()
        self._registry_auth = registry_auth

    def service(self, name: str) -> Service | None:
        """The service of this name, or None where the engine says that there is none."""
        answer = self._engine.get(f"/services/{quote(name)}")
        if says_no_such_service(answer):
            return None
        found = service_of(check(answer).json())
        # The engine also takes the beginning of an id for a name.
        if name not in (found.name, found.id):
            return None
        self._reads.last = (found, time.monotonic())
        return found

    def tasks(self, service_id: str) -> tuple[Task, ...]:
        """All tasks of a service that the engine still knows."""
        answer = check(self._engine.get("/tasks", {"service": [service_id]}))
        return tuple(task_of(document) for document in answer.json())

    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        return tuple(node_of(document) for document in check(self._engine.get("/nodes")).json())

    def ids(self, what: Resource) -> Mapping[str, str]:
        """Name -> id of all networks of the swarm, secrets or configs."""
        filters = {"scope": ["swarm"]} if what == "networks" else None
        return ids_of(check(self._engine.get(f"/{what}", filters)).json() or [])

    def create(self, spec: JsonObject) -> str:
        """Creates a service from a full ServiceSpec; the engine resolves names of networks.

        Raises:
            Refused: the name is taken, or the spec is not accepted.
            SwarmUnavailable: no answer; the service may have been created.
        """
        id_: str = self._post("/services/create", spec).json()["ID"]
        return id_

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        """Re-reads the service, lets `change` compute the new spec, writes it at that version.

        What this thread has read a moment ago is not read again: the engine refuses a version that
        is not the present one, and then it is.

        Args:
            service: id or name.
            change: fresh service -> the full spec to write, or None to write nothing.

        Returns:
            The version that was replaced, or None if nothing was written.

        Raises:
            OutOfSequence: others were faster, each time.
            Refused: there is no such service, or the spec is not accepted.
            SwarmUnavailable: no answer; the write may have happened.
        """
        fresh = self._just_read(service) or self._require(service)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._write(fresh, change)
            except OutOfSequence:
                fresh = self._require(service)
        return self._write(fresh, change)

    def rollback(self, service_id: str, version: int) -> None:
        """Swaps the spec and the previous spec, at a version.

        Raises:
            OutOfSequence: another version is current.
            Refused: there is no previous spec.
        """
        fresh = self._require(service_id)
        path = f"/services/{fresh.id}/update?version={version}&rollback=previous"
        self._post(path, fresh.spec)

    def remove(self, service_id: str) -> None:
        """Removes the service; absent is fine."""
        answer = self._engine.send("DELETE", f"/services/{quote(service_id)}")
        if not says_no_such_service(answer):
            check(answer)

    def _just_read(self, service: str) -> Service | None:
        """What this thread has read less than FRESH seconds ago, once."""
        found, at = getattr(self._reads, "last", (None, 0.0))
        self._reads.last = (None, 0.0)
        known = found is not None and service in (found.id, found.name)
        return found if known and time.monotonic() - at < FRESH else None

    def _write(self, fresh: Service, change: Callable[[Service], JsonObject | None]) -> int | None:
        spec = change(fresh)
        if spec is None:
            return None
        self._reads.last = (None, 0.0)
        self._post(f"/services/{fresh.id}/update?version={fresh.version}", spec)
        return fresh.version

    def _require(self, service: str) -> Service:
        found = self.service(service)
        if found is None:
            raise Refused(f"service {service} not found")
        return found

    def _post(self, path: str, spec: JsonObject) -> Answer:
        image = (spec.get("TaskTemplate") or {}).get("ContainerSpec", {}).get("Image", "")
        auth = self._registry_auth(image)
        headers = {"X-Registry-Auth": auth} if auth else {}
        return check(self._engine.send("POST", path, spec, headers))

    def close(self) -> None:
        """Closes the connections."""
        self._engine.close()
