"""Everything that an end-to-end test of the operator needs: git, operator, engine, one service."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from support.git import Repository
from support.operator_process import OperatorProcess, eventually
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.swarm import Service

APP = "swarmkeeper/app:1"


@dataclass(frozen=True)
class Stage:
    """One service, declared in git, kept by an operator.

    Attributes:
        repository: the desired state.
        operator: the process.
        swarm: the engine, as the operator sees it.
        name: of the object and of the service.
    """

    repository: Repository
    operator: OperatorProcess
    swarm: DockerSwarm
    name: str

    def declare(self, *, name: str = "", push: bool = False, **spec: Any) -> str:
        """Commits the service; by default the app with one replica and quick to stop.

        Args:
            name: of another service than the usual one.
            push: whether to call the operator's hook.
            spec: fields of the spec; None takes a usual one out.

        Returns:
            The commit's hash.
        """
        name = name or self.name
        usual = {"image": APP, "replicas": 1, "init": True, "interval": "1h"}
        fields = {key: value for key, value in {**usual, **spec}.items() if value is not None}
        text = (
            f"apiVersion: swarmkeeper.dev/v1alpha1\nkind: SwarmService\nmetadata: {{name: {name}}}\n"
            f"spec:\n" + "".join(f"  {key}: {json.dumps(v)}\n" for key, v in fields.items())
        )
        sha = self.repository.commit(**{name: text})
        if push:
            self.operator.push()
        return sha

    def begin(self, **spec: Any) -> None:
        """Declares the service, starts the operator and waits until all is well."""
        self.declare(**spec)
        self.operator.start()
        self.wait_ready()

    def wait_ready(self, name: str = "") -> None:
        """Waits until the object is Ready."""
        eventually(
            lambda: self.operator.ready(name or self.name),
            within=60,
            what=f"Ready: {self.operator.condition(name or self.name, 'Ready')}",
        )

    def wait_condition(self, type_: str, status: str, reason: str) -> str:
        """Waits for a condition; its message."""
        eventually(
            lambda: self.operator.condition(self.name, type_)[:2] == (status, reason),
            within=60,
            what=f"{type_}={status} {reason}",
        )
        return self.operator.condition(self.name, type_)[2]

    def live(self) -> Service:
        """The service as the engine has it."""
        found = self.swarm.service(self.name)
        assert found is not None, f"service {self.name} does not exist"
        return found

    def replicas(self) -> int:
        """The number of replicas in the live spec; -1 without a service."""
        found = self.swarm.service(self.name)
        return int(found.spec["Mode"]["Replicated"]["Replicas"]) if found else -1

    def running(self) -> int:
        """Tasks that should run and do."""
        tasks = self.swarm.tasks(self.live().id)
        return sum(t.state == t.desired_state == "running" for t in tasks)

    def meddle(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes the live spec behind the operator's back."""

        def edit(fresh: Service) -> dict[str, Any]:
            spec = copy.deepcopy(fresh.spec)
            change(spec)
            return spec

        self.swarm.update(self.live().id, edit)

    def scale_by_hand(self, replicas: int) -> None:
        """As `docker service scale` does."""
        self.meddle(lambda spec: spec["Mode"]["Replicated"].update(Replicas=replicas))

    def actions(self) -> list[tuple[str, list[str]]]:
        """Runbook and entries of each action in the audit trail, in order."""
        database = sqlite3.connect(f"file:{self.operator.data / 'state.db'}?mode=ro", uri=True)
        try:
            rows = database.execute("SELECT action, entry, document FROM audit_trail ORDER BY seq")
            found: dict[str, tuple[str, list[str]]] = {}
            for action, entry, document in rows:
                runbook = orjson.loads(document)["runbook"]
                found.setdefault(action, (runbook, []))[1].append(entry)
        finally:
            database.close()
        return list(found.values())

    def clean_up(self) -> None:
        """Removes the services of the test."""
        for file in self.repository.tree.glob("*.yaml"):
            found = self.swarm.service(file.stem)
            if found is not None:
                self.swarm.remove(found.id)
        found = self.swarm.service(self.name)
        if found is not None:
            self.swarm.remove(found.id)
        self.swarm.close()
