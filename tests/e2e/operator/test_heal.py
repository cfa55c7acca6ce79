"""A person commits, a real Swarm changes; a person meddles, it is put back, and everyone can see why."""

from __future__ import annotations

from typing import Any

import pytest
from support.cli import swarmkeeper
from support.operator_process import eventually
from support.stage import Stage


def test_a_commit_creates_and_changes_a_service(stage: Stage) -> None:
    stage.begin(replicas=1, env={"LOG_LEVEL": "info"})
    assert stage.live().spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["LOG_LEVEL=info"]

    stage.declare(replicas=2, env={"LOG_LEVEL": "info"}, push=True)

    eventually(lambda: stage.replicas() == 2)
    stage.wait_ready()
    assert stage.running() == 2
    assert stage.actions() == [
        ("create", ["Intended", "Succeeded"]),
        ("scale", ["Intended", "Succeeded"]),
    ]


def test_a_scale_by_hand_is_undone_and_the_event_says_why(stage: Stage) -> None:
    stage.begin(replicas=2)
    sha = stage.repository.head()

    stage.scale_by_hand(4)

    eventually(lambda: stage.replicas() == 2)
    eventually(
        lambda: any(reason == "ScaleApplied" for reason, _ in stage.operator.events(stage.name))
    )
    (message,) = [m for reason, m in stage.operator.events(stage.name) if reason == "ScaleApplied"]
    assert message.startswith(f"spec.replicas: want 2, got 4 ({stage.name}.yaml:6@{sha[:7]}): ")


def test_only_declared_fields_are_put_back(stage: Stage) -> None:
    stage.begin(env={"A": "1"}, labels={"tier": "web"})

    def meddle(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=2", "MINE=yes"]
        spec["Labels"].update(tier="db", mine="yes")

    stage.meddle(meddle)

    eventually(lambda: "A=1" in stage.live().spec["TaskTemplate"]["ContainerSpec"]["Env"])
    live = stage.live().spec
    assert sorted(live["TaskTemplate"]["ContainerSpec"]["Env"]) == ["A=1", "MINE=yes"]
    assert {"tier": "web", "mine": "yes"}.items() <= live["Labels"].items()


def test_putting_the_replicas_back_restarts_no_task(stage: Stage) -> None:
    stage.begin(replicas=2)
    before = {t.id for t in stage.swarm.tasks(stage.live().id) if t.state == "running"}

    stage.scale_by_hand(3)
    eventually(lambda: stage.replicas() == 2)
    stage.wait_ready()

    eventually(lambda: stage.running() == 2)
    after = {t.id for t in stage.swarm.tasks(stage.live().id) if t.desired_state == "running"}
    assert len(before & after) >= 1
    assert not any(t.state == "failed" for t in stage.swarm.tasks(stage.live().id))


def test_a_service_removed_by_hand_comes_back(stage: Stage) -> None:
    stage.begin()
    stage.swarm.remove(stage.live().id)

    eventually(lambda: stage.swarm.service(stage.name) is not None)
    stage.wait_ready()


def test_an_adopted_service_comes_back_whole(stage: Stage) -> None:
    container = {"Image": "swarmkeeper/app:1", "Env": ["THEIRS=kept"], "Init": True}
    stage.swarm.create({"Name": stage.name, "TaskTemplate": {"ContainerSpec": container}})
    stage.begin(adopt=True, replicas=2, image=None)
    stage.swarm.remove(stage.live().id)

    eventually(lambda: stage.swarm.service(stage.name) is not None)
    stage.wait_ready()
    live = stage.live().spec["TaskTemplate"]["ContainerSpec"]
    assert live["Env"] == ["THEIRS=kept"]
    assert live["Image"] == "swarmkeeper/app:1"


def test_an_object_that_leaves_git_takes_its_service_along(stage: Stage) -> None:
    stage.begin()
    stage.declare(name=f"{stage.name}-b", push=True)
    stage.wait_ready(f"{stage.name}-b")

    stage.repository.commit(**{stage.name: None})
    stage.operator.push()

    eventually(lambda: stage.swarm.service(stage.name) is None)
    eventually(lambda: stage.operator.service(stage.name) == {})
    assert stage.swarm.service(f"{stage.name}-b") is not None


def test_a_broken_file_is_refused_and_the_service_is_still_kept(stage: Stage) -> None:
    stage.begin(replicas=1)

    stage.declare(replicas=-1, push=True)

    message = stage.wait_condition("Stalled", "True", "InvalidDeclaration")
    assert message.startswith(f"{stage.name}.yaml:6: SwarmService/{stage.name}: spec.replicas: ")
    assert stage.operator.condition(stage.name, "Ready")[0] == "True"
    stage.scale_by_hand(3)
    eventually(lambda: stage.replicas() == 1)


def test_a_request_by_annotation_is_answered(stage: Stage) -> None:
    stage.begin()

    stage.operator.annotate(stage.name, "requested-at", "please")

    eventually(
        lambda: (
            stage.operator.service(stage.name)["status"].get("lastHandledReconcileAt") == "please"
        )
    )


def test_a_restart_by_annotation_replaces_the_tasks_once(stage: Stage) -> None:
    stage.begin(update={"order": "start-first", "monitor": "1s"})
    (before,) = [t.id for t in stage.swarm.tasks(stage.live().id) if t.state == "running"]

    stage.operator.annotate(stage.name, "run", "restart:1")

    eventually(
        lambda: stage.operator.service(stage.name)["status"].get("lastHandledRun") == "restart:1"
    )
    stage.wait_ready()
    running = [t.id for t in stage.swarm.tasks(stage.live().id) if t.desired_state == "running"]
    assert before not in running
    assert stage.live().spec["TaskTemplate"]["ForceUpdate"] == 1
    assert ("restart", ["Intended", "Succeeded"]) in stage.actions()


def test_a_runbook_by_command_replaces_the_tasks_and_ends_when_they_run(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.begin(replicas=2, update={"order": "start-first", "monitor": "1s"})
    before = {t.id for t in stage.swarm.tasks(stage.live().id) if t.state == "running"}
    target = f"SwarmService/{stage.name}"

    ran = swarmkeeper(
        capsys, "runbook", "run", "restart", target, "--kubeconfig", str(stage.operator.kubeconfig)
    )

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0].endswith(f"restart on {target} is asked for")
    assert any(line.startswith("Running: ") for line in ran.out.splitlines())
    assert ran.out.splitlines()[-1].startswith("Succeeded: replaced version ")
    running = {t.id for t in stage.swarm.tasks(stage.live().id) if t.state == "running"}
    assert len(running - before) == 2
    assert ("restart", ["Intended", "Succeeded"]) in stage.actions()


def test_sigterm_ends_it_cleanly(stage: Stage) -> None:
    stage.begin()

    assert stage.operator.stop() == 0
    assert "Traceback" not in stage.operator.log.read_text()
