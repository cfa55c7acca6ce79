"""`swarmkeeper plan`: the drift, what would be done about it, and an exit code for each verdict."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.cli import Ran, swarmkeeper

from swarmkeeper.commands import plan
from swarmkeeper.testing import FakeSwarm, fake_ports, service_spec

WEB = """\
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata: {name: web}
spec:
  adopt: true
  replicas: 3
  env:
    LEVEL: debug
"""


@pytest.fixture
def swarm(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    swarm = FakeSwarm()
    monkeypatch.setattr(plan, "real_ports", lambda *_: fake_ports(swarm))
    return swarm


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], tree: Path, *arguments: str) -> Ran:
    return swarmkeeper(capsys, "plan", str(tree), *arguments)


def test_drift_is_shown_by_field_with_its_origin_and_exits_with_2(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swarm.create(service_spec(replicas=2, env=("LEVEL=info",)))

    ran = run(capsys, tree)

    assert ran.code == 2
    assert "  spec.replicas: want 3, got 2 (web.yaml:6)" in ran.out
    assert "  spec.env.LEVEL: want debug, got info (web.yaml:8)" in ran.out
    assert "  -> update service/web (risk medium, restarts tasks)" in ran.out
    assert ran.out.endswith("0 of 1 object in sync, 1 drifted\n")


def test_scaling_alone_restarts_no_task(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swarm.create(service_spec(replicas=2, env=("LEVEL=debug",)))

    ran = run(capsys, tree)

    assert "  -> scale service/web (risk low, restarts no task)" in ran.out


def test_a_missing_service_would_be_created(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "web.yaml").write_text(WEB.replace("  adopt: true\n", "  image: app:1\n"))

    ran = run(capsys, tree)

    assert ran.code == 2
    assert "-> create service/web" in ran.out
    assert swarm.service("web") is None


def test_nothing_to_do_exits_with_0(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owned = {"swarmkeeper.dev/object": "SwarmService/web"}
    swarm.create(service_spec(replicas=3, env=("LEVEL=debug",), labels=owned))

    ran = run(capsys, tree)

    assert (ran.code, ran.out) == (0, "SwarmService/web: in sync\n1 of 1 object in sync\n")


def test_an_invalid_file_is_an_error_even_where_the_rest_is_in_sync(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owned = {"swarmkeeper.dev/object": "SwarmService/web"}
    swarm.create(service_spec(replicas=3, env=("LEVEL=debug",), labels=owned))
    (tree / "bad.yaml").write_text(WEB.replace("web", "bad").replace("3", "-3"))

    ran = run(capsys, tree)

    assert ran.code == 1
    assert f"{tree}/bad.yaml:6: SwarmService/bad: spec.replicas" in ran.err


def test_an_engine_that_does_not_answer_is_unknown_and_never_in_sync(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, tree, "--docker-host", f"unix://{tmp_path}/nobody.sock")

    assert ran.code == 1
    assert "  unknown: " in ran.out
    assert ran.out.endswith("0 of 1 object in sync, 1 unknown\n")


def test_no_address_of_an_engine_is_refused(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, tree, "--docker-host", "ftp://somewhere")

    assert (ran.code, ran.out) == (1, "")
    assert "is no Docker host" in ran.err


def test_a_suspended_object_shows_its_drift_and_that_nothing_would_be_done(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swarm.create(service_spec(replicas=2, env=("LEVEL=debug",)))
    (tree / "web.yaml").write_text(f"{WEB}  suspend: true\n")

    ran = run(capsys, tree)

    assert ran.code == 2
    assert "(suspended: nothing would be done)" in ran.out
    assert "->" not in ran.out


def test_json_for_machines(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swarm.create(service_spec(replicas=2, env=("LEVEL=debug",)))

    ran = run(capsys, tree, "--output", "json")

    document = json.loads(ran.out)
    (web,) = document["objects"]
    assert (ran.code, document["verdict"]) == (2, "Drift")
    assert {
        "path": "spec.replicas",
        "want": "3",
        "got": "2",
        "origin": "web.yaml:6",
        "restarts": False,
    } in web["drift"]
    assert "scale" in [action["runbook"] for action in web["actions"]]


def test_a_clean_commit_is_named_and_a_changed_tree_is_not(
    swarm: FakeSwarm, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swarm.create(service_spec(replicas=2, env=("LEVEL=debug",)))
    git = ["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)

    clean = run(capsys, tree).out
    (tree / "web.yaml").write_text(WEB.replace("3", "4"))
    dirty = run(capsys, tree).out

    assert "(web.yaml:6@" in clean
    assert "want 4, got 2 (web.yaml:6)" in dirty
