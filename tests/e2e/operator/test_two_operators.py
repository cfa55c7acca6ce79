"""Two operators on one Postgres: one acts, and what it leaves half done is ended once, by the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.cli import swarmkeeper
from support.git import Repository
from support.operator_process import OperatorProcess, eventually
from support.postgres import PostgresServer, missing, postgres_server
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

    def actions(self) -> list[tuple[str, list[str]]]:
        """Runbook and entries of each action in the audit trail, in order."""
        database = PostgresDatabase(self.store)
        found: dict[str, tuple[str, list[str]]] = {}
        for record in AuditTrail(database).records():
            _, entries = found.setdefault(record.action, (record.step.runbook, []))
            entries.append(str(record.entry))
        database.close()
        return list(found.values())


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


@pytest.fixture
def pair(docker_host: str, server: PostgresServer, tmp_path: Path) -> Iterator[Pair]:
    repository, store = Repository(tmp_path), server.new_database()
    options = ("--store", store.url)
    operators = [
        OperatorProcess(tmp_path / name, docker_host, repository.url, options=options)
        for name in ("one", "two")
    ]
    swarm, name = DockerSwarm(docker_host), f"t{uuid.uuid4().hex[:6]}"
    one = Stage(repository, operators[0], swarm, name)
    yield Pair(one, replace(one, operator=operators[1]), store)
    for operator in operators:
        operator.kill()
    one.clean_up()


def acts(stage: Stage) -> bool:
    return ACTS in stage.operator.metrics()


def whole(pair: Pair, capsys: pytest.CaptureFixture[str]) -> bool:
    return swarmkeeper(capsys, "audit-trail", "verify", "--store", pair.store.url).code == 0


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["intended", "acted"])
def test_what_a_killed_operator_has_begun_is_ended_once_by_the_other(
    pair: Pair, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.one.declare(env={"VERSION": "1"})
    pair.one.operator.start(die_at=f"{step}:2")
    eventually(pair.one.operator.kubeconfig.exists)
    pair.one.wait_ready()
    created = pair.one.live()
    pair.two.operator.start()
    assert (acts(pair.one), acts(pair.two)) == (True, False)

    pair.two.declare(env={"VERSION": "2"}, push=True)

    assert pair.one.operator.wait() == -9
    eventually(lambda: "VERSION=2" in str(pair.two.live().spec))
    eventually(lambda: [entries[-1] for _, entries in pair.actions()] == ["Succeeded"] * 2)
    pair.two.wait_ready()
    assert [runbook for runbook, _ in pair.actions()] == ["create", "update"]
    live = pair.two.live()
    previous = (live.previous_spec or {})["TaskTemplate"]["ContainerSpec"]["Env"]
    assert (live.id, previous) == (created.id, ["VERSION=1"])
    assert acts(pair.two)
    assert whole(pair, capsys)


@pytest.mark.chaos
def test_a_frozen_operator_is_succeeded_and_ends_when_it_thaws(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.one.begin(replicas=1)
    pair.two.operator.start()

    pair.one.operator.freeze()
    pair.one.scale_by_hand(3)
    eventually(lambda: pair.one.replicas() == 1)
    pair.one.operator.thaw()

    assert pair.one.operator.wait() == 1
    assert "another operator has taken over" in pair.one.operator.log.read_text()
    assert acts(pair.two)
    eventually(lambda: ("scale", WHOLE) in pair.actions())
    scales = [runbook for runbook, _ in pair.actions() if runbook == "scale"]
    assert (scales, pair.one.replicas()) == (["scale"], 1)
    assert whole(pair, capsys)


def test_an_operator_that_is_told_to_end_hands_over_in_the_middle_of_a_change(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.one.begin(env={"VERSION": "1"})
    pair.two.operator.start()

    pair.one.declare(env={"VERSION": "2"}, push=True)
    assert pair.one.operator.stop() == 0

    eventually(lambda: acts(pair.two))
    eventually(lambda: "VERSION=2" in str(pair.two.live().spec))
    eventually(lambda: [entries[-1] for _, entries in pair.actions()] == ["Succeeded"] * 2)
    assert [runbook for runbook, _ in pair.actions()] == ["create", "update"]
    assert whole(pair, capsys)


def test_an_operator_that_comes_back_stands_by_and_takes_over_again(pair: Pair) -> None:
    pair.one.begin(replicas=1)
    pair.two.operator.start()
    pair.one.operator.stop()
    eventually(lambda: acts(pair.two))

    pair.one.operator.start()
    pair.one.scale_by_hand(3)
    eventually(lambda: pair.one.replicas() == 1)
    assert (acts(pair.one), acts(pair.two)) == (False, True)
    pair.two.wait_ready()
    pair.two.operator.stop()
    eventually(lambda: acts(pair.one))
    pair.one.scale_by_hand(2)

    eventually(lambda: pair.one.replicas() == 1)
    eventually(
        lambda: (
            [(runbook, entries[:2]) for runbook, entries in pair.actions() if runbook != "settle"]
            == [("create", WHOLE), ("scale", WHOLE), ("scale", WHOLE)]
        )
    )
