"""Bad input and a failing world: nothing is removed that nobody asked for, and the state converges."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.git import Repository
from support.operator_process import OperatorProcess, eventually
from support.stage import Stage

from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.sandbox import Sandbox

STEPS = ["planned", "intended", "acted", "closed", "concluded"]


def test_an_image_that_does_not_exist_is_a_failure_with_the_engines_words(stage: Stage) -> None:
    stage.begin()

    stage.declare(image="swarmkeeper/nosuch:1", push=True)

    eventually(lambda: stage.operator.condition(stage.name, "Ready")[0] == "False", within=60)
    assert "No such image" in stage.operator.condition(stage.name, "Ready")[2]


def test_a_service_of_someone_else_is_not_touched(stage: Stage) -> None:
    container = {"Image": "swarmkeeper/app:2", "Init": True}
    stage.swarm.create({"Name": stage.name, "TaskTemplate": {"ContainerSpec": container}})
    before = stage.live()
    stage.declare()
    stage.operator.start()

    message = stage.wait_condition("Stalled", "True", "NotAdopted")

    assert "adopt" in message
    assert stage.live().version == before.version


def test_git_gone_changes_nothing_and_drift_is_still_healed(stage: Stage) -> None:
    stage.begin()
    shutil.rmtree(stage.repository.bare)
    stage.operator.push()
    eventually(
        lambda: "FetchFailed" in str(stage.operator.get(_source())["status"]["conditions"]),
    )

    stage.scale_by_hand(3)

    eventually(lambda: stage.replicas() == 1)


def test_an_emptied_repository_removes_nothing(stage: Stage) -> None:
    stage.begin()

    stage.repository.commit(**{stage.name: None})
    stage.operator.push()

    eventually(lambda: any(r == "PruneHeld" for r, _ in stage.operator.events("desired-state")))
    assert stage.swarm.service(stage.name) is not None


def test_another_writer_racing_is_outlasted(stage: Stage) -> None:
    stage.begin(limits={"maxActions": 1000})
    done = threading.Event()

    def race() -> None:
        while not done.is_set():
            stage.meddle(lambda spec: spec["Labels"].update(noise=str(id(object()))))

    writer = threading.Thread(target=race)
    writer.start()
    stage.declare(replicas=2, limits={"maxActions": 1000}, push=True)
    eventually(lambda: stage.replicas() == 2)
    done.set()
    writer.join(20)

    stage.wait_ready()


@pytest.mark.chaos
@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_of_an_update_it_converges_with_one_action(
    stage: Stage, step: str
) -> None:
    stage.begin(env={"VERSION": "1"})
    stage.operator.stop()
    created = stage.live()
    stage.declare(env={"VERSION": "2"})

    stage.operator.start(die_at=step)
    assert stage.operator.wait() == -9
    stage.operator.start()
    eventually(lambda: "VERSION=2" in str(stage.live().spec))
    stage.wait_ready()

    updates = [entries for runbook, entries in stage.actions() if runbook == "update"]
    assert len(updates) == 1
    assert updates[0][-1] == "Succeeded"
    assert stage.live().id == created.id
    assert _previous_env(stage.live()) == ["VERSION=1"]


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[tuple[Stage, Sandbox]]:
    """A stage on a Swarm of its own, whose daemon may be stopped."""
    with Sandbox.create(
        f"faults-{tmp_path.parent.name[-6:]}-{id(tmp_path) % 1000}", images=None
    ) as sandbox:
        repository = Repository(tmp_path)
        operator = OperatorProcess(tmp_path / "operator", sandbox.docker_host, repository.url)
        stage = Stage(repository, operator, DockerSwarm(sandbox.docker_host, timeout=3), "web")
        yield stage, sandbox
        operator.kill()
        stage.swarm.close()


@pytest.mark.chaos
def test_a_frozen_daemon_is_unknown_and_healed_when_it_thaws(
    own_stage: tuple[Stage, Sandbox],
) -> None:
    stage, sandbox = own_stage
    stage.begin(interval="2s")
    sandbox.node(1).freeze()
    stage.wait_condition("Ready", "Unknown", "ObservationFailed")

    sandbox.node(1).thaw()
    stage.wait_ready()
    stage.scale_by_hand(3)
    eventually(lambda: stage.replicas() == 1)


@pytest.mark.chaos
def test_a_daemon_that_comes_back_is_looked_at_at_once(own_stage: tuple[Stage, Sandbox]) -> None:
    stage, sandbox = own_stage
    stage.begin(interval="1h")
    sandbox.node(1).power_off()
    eventually(lambda: "interrupted" in stage.operator.log.read_text())

    sandbox.node(1).power_on()
    eventually(lambda: _answers(stage), within=60)
    stage.scale_by_hand(3)

    eventually(lambda: stage.replicas() == 1, within=60)
    stage.wait_ready()
    assert [runbook for runbook, _ in stage.actions()].count("create") == 1


def _answers(stage: Stage) -> bool:
    try:
        return stage.swarm.service(stage.name) is not None
    except Exception:
        return False


def _previous_env(service: Service) -> Any:
    previous = copy.deepcopy(service.previous_spec) or {}
    return previous.get("TaskTemplate", {}).get("ContainerSpec", {}).get("Env")


def _source() -> str:
    return "/apis/swarmkeeper.dev/v1alpha1/namespaces/default/gitrepositories/desired-state"
