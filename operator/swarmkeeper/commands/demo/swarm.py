"""The demo's own eyes on the swarm: the engine's events, and how many tasks run."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from desired_state.objects import JsonObject
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.programs import run

PATIENCE: Final = 60.0
"""Seconds after which something that should come about counts as failed."""
_STEP: Final = 0.02


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One event of the engine about a service.

    Attributes:
        action: create, update or remove.
        name: name of the service.
        replicas: the new number, where the event is about it.
        engine_ns: when, by the engine's clock.
        seen: when it came here, by this machine's monotonic clock.
    """

    action: str
    name: str
    replicas: int | None
    engine_ns: int
    seen: float


class SwarmView:
    """Watches one engine until it is closed.

    Args:
        docker_host: a Swarm manager.
    """

    def __init__(self, docker_host: str) -> None:
        self.docker_host = docker_host
        self._swarm = DockerSwarm(docker_host)
        self._events: list[ServiceEvent] = []
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        words = ["docker", "events", "--filter", "type=service", "--format", "{{json .}}"]
        self._process = subprocess.Popen(
            ["docker", "--host", self.docker_host, *words[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def docker(self, *words: str, stdin: str | None = None) -> str:
        """Runs a docker command against the engine."""
        return run("docker", "--host", self.docker_host, *words, stdin=stdin)

    def mark(self) -> int:
        """A place in the stream of events: what comes later is new."""
        return len(self._events)

    def event(
        self, since: int, action: str, name: str, replicas: int | None = None
    ) -> tuple[ServiceEvent, int]:
        """Waits for an event.

        Args:
            since: a mark.
            action: create, update or remove.
            name: of the service.
            replicas: the new number that it must tell; None takes any event.

        Returns:
            The event, and the mark behind it.

        Raises:
            DemoError: it does not come.
        """
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                for position, event in enumerate(self._events[since:], since + 1):
                    wanted = replicas is None or event.replicas == replicas
                    if (event.action, event.name) == (action, name) and wanted:
                        return event, position
                if not self._news.wait(deadline - time.monotonic()):
                    raise DemoError(f"the engine told of no {action} of {name}")

    def tasks(self, name: str) -> set[str]:
        """Ids of the tasks of a service that run and are meant to."""
        service = self._swarm.service(name)
        found = self._swarm.tasks(service.id) if service else ()
        return {t.id for t in found if (t.state, t.desired_state) == ("running", "running")}

    def template(self, name: str) -> JsonObject:
        """What the tasks of a service are made from; empty where there is no service."""
        service = self._swarm.service(name)
        return dict(service.spec["TaskTemplate"]) if service else {}

    def until_running(self, name: str, number: int) -> float:
        """Waits until just so many tasks run, and gives the monotonic time of it.

        Raises:
            DemoError: it does not come about.
        """
        try:
            until(lambda: len(self.tasks(name)) == number, f"{number} tasks of {name} running")
        except DemoError as error:
            raise DemoError(f"{error}; {self._trouble(name)}") from error
        return time.monotonic()

    def _trouble(self, name: str) -> str:
        """What the engine says about the tasks of a service that do not run."""
        service = self._swarm.service(name)
        tasks = self._swarm.tasks(service.id) if service else ()
        told = {f"{task.state}: {task.error}" for task in tasks if task.state != "running"}
        return "the engine says: " + ("; ".join(sorted(told)) or "nothing")

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            event = _event(json.loads(line))
            with self._news:
                self._events.append(event)
                self._news.notify_all()


def until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Waits until something is so.

    Raises:
        DemoError: it does not come about.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise DemoError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(_STEP)


def _event(document: dict[str, Any]) -> ServiceEvent:
    attributes = document["Actor"]["Attributes"]
    replicas = attributes.get("replicas.new", "")
    return ServiceEvent(
        action=document["Action"],
        name=attributes.get("name", ""),
        replicas=int(replicas) if replicas.isdecimal() else None,
        engine_ns=int(document["timeNano"]),
        seen=time.monotonic(),
    )
