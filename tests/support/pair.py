"""Two operators on one Postgres, that keep one service."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from support.git import Repository
from support.operator_process import OperatorProcess, eventually
from support.stage import Stage
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.store.audit import AuditTrail
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.postgres_link import Address

ACTS = 'leader_election_master_status{name="swarmkeeper"} 1.0'
WHOLE = ["Intended", "Succeeded"]


@dataclass(frozen=True)
class Pair:
    """Two operators that keep one service.

    Attributes:
        one: the stage as the first operator has it.
        two: the same stage, as the other has it.
        store: of both.
    """

    one: Stage
    two: Stage
    store: Address

    @classmethod
    @contextmanager
    def on(
        cls, docker_host: str, folder: Path, store: Address, urls: Sequence[str]
    ) -> Iterator[Pair]:
        """Two operators, not started yet; they and their services go at the end.

        Args:
            docker_host: the engine.
            folder: for what they keep.
            store: of both.
            urls: of the store, as each of them reaches it.
        """
        repository = Repository(folder)
        operators = [
            OperatorProcess(folder / name, docker_host, repository.url, options=("--store", url))
            for name, url in zip(("one", "two"), urls, strict=True)
        ]
        swarm, name = DockerSwarm(docker_host), f"t{uuid.uuid4().hex[:6]}"
        one = Stage(repository, operators[0], swarm, name)
        try:
            yield cls(one, replace(one, operator=operators[1]), store)
        finally:
            for operator in operators:
                operator.kill()
            one.clean_up()

    def actions(self) -> list[tuple[str, list[str]]]:
        """Runbook and entries of each action in the audit trail, in order."""
        database = PostgresDatabase(self.store)
        found: dict[str, tuple[str, list[str]]] = {}
        for record in AuditTrail(database).records():
            _, entries = found.setdefault(record.action, (record.step.runbook, []))
            entries.append(str(record.entry))
        database.close()
        return list(found.values())

    def is_whole(self) -> bool:
        """Whether the audit trail holds together."""
        database = PostgresDatabase(self.store)
        problem = AuditTrail(database).verify()
        database.close()
        return problem is None

    def begin(self, **spec: object) -> None:
        """Starts both; the first one acts."""
        self.one.begin(**spec)
        self.two.operator.start()
        assert (acts(self.one), acts(self.two)) == (True, False)

    def assert_taken(self, *runbooks: str) -> None:
        """Waits for the outcomes: each of these was begun once and has succeeded, and no others."""
        expected = sorted((runbook, WHOLE) for runbook in runbooks)
        # A successor resumes what was begun; what comes after a success tells whether it lasts.
        beside = {"Resumed", "Relapsed"}

        def found() -> list[tuple[str, list[str]]]:
            return sorted(
                (r, [e for e in entries if e not in beside]) for r, entries in self.actions()
            )

        eventually(lambda: found() == expected, what=f"{runbooks}")


def taken(stage: Stage) -> list[str]:
    """What this operator itself has done, as it counts it."""
    lines = stage.operator.metrics().splitlines()
    return [line for line in lines if line.startswith("swarmkeeper_actions_total{")]


def acts(stage: Stage) -> bool:
    """Whether the operator of a stage is the one that acts."""
    return ACTS in stage.operator.metrics()
