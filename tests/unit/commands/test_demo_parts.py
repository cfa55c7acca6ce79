"""The parts of the demo that need no swarm."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from support.cli import swarmkeeper

from desired_state.loader import load_tree
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Narrator, Result
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.stack import TASKS, Stack
from swarmkeeper.commands.kinds import scheme

OTHER = Stack("elsewhere", 23456, "node-1")


def test_the_stack_has_the_services_that_the_desired_state_declares(tmp_path: Path) -> None:
    Repository(tmp_path).create(Stack().desired_state())
    declared = load_tree(tmp_path / "desired-state", scheme())
    services = yaml.safe_load(Stack().compose())["services"]

    assert declared.problems == ()
    kept = {ref.name for ref in declared.objects if ref.kind == "SwarmService"}
    assert kept == services.keys() == TASKS.keys()
    assert {ref.name for ref in declared.objects} - kept == {"tasks"}
    assert {n: s["deploy"]["replicas"] for n, s in services.items()} == TASKS


def test_under_another_name_nothing_of_the_first_one_is_left() -> None:
    for text in (OTHER.compose(), *OTHER.desired_state().values()):
        assert "agentes_ai" not in text
        assert "8080:8080" not in text

    orchestrator = OTHER.desired_state()["orchestrator.yaml"]
    assert "http://{nodeAddress}:23456/health" in orchestrator
    assert "{target: 8080, published: 23456, mode: host}" in orchestrator


def test_on_a_shared_swarm_everything_stays_on_one_node() -> None:
    document = yaml.safe_load(OTHER.compose())

    placements = [s["deploy"]["placement"]["constraints"] for s in document["services"].values()]
    assert placements == [["node.id == node-1"]] * len(TASKS)
    assert document["version"] == "3.8"
    names = {name: secret["name"] for name, secret in document["secrets"].items()}
    assert names == {name: f"elsewhere_{name}" for name in names}


def test_redis_is_reached_where_the_operator_of_the_demo_can_reach_it(tmp_path: Path) -> None:
    stack = Stack(redis="10.77.0.11:16379")

    (port,) = yaml.safe_load(stack.compose())["services"]["redis"]["ports"]
    assert (port["target"], port["published"], port["mode"]) == (6379, 16379, "host")
    assert "url: redis://10.77.0.11:16379/0" in stack.desired_state()["streams.yaml"]
    stack.give_secrets(tmp_path / "secrets")
    assert (tmp_path / "secrets/agentes_ai_redis_password").read_text() == stack.redis_password
    assert stack.redis_password not in repr(stack)


def test_the_repository_pushes_what_was_edited(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.create({"a.yaml": "replicas: 2\n"})

    repository.edit("a.yaml", r"replicas: 2", "replicas: 3")
    assert repository.diff() == "-replicas: 2\n+replicas: 3"
    repository.push("more")

    assert run("git", "-C", str(repository.bare), "show", "main:a.yaml") == "replicas: 3\n"
    repository.revert()
    assert run("git", "-C", str(repository.bare), "show", "main:a.yaml") == "replicas: 2\n"


def test_whoever_goes_on_by_hand_needs_no_git_setup(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.create({"a.yaml": "replicas: 2\n"})
    (repository.tree / "a.yaml").write_text("replicas: 4\n")

    bare = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    run("git", "commit", "-qam", "by hand", cwd=repository.tree, env=bare)
    run("git", "push", "-q", cwd=repository.tree, env=bare)

    assert run("git", "-C", str(repository.bare), "show", "main:a.yaml") == "replicas: 4\n"


def test_an_edit_that_finds_nothing_is_told(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.create({"a.yaml": "replicas: 2\n"})

    with pytest.raises(DemoError, match="nothing in it looks like"):
        repository.edit("a.yaml", "image:", "imagee:")


def test_programs_that_fail_or_are_missing_are_told_in_words() -> None:
    with pytest.raises(DemoError, match="git no-such-command: "):
        run("git", "no-such-command")
    with pytest.raises(DemoError, match="the program no-such-program is not installed"):
        run("no-such-program")


def test_the_story_is_told_with_times_and_ends_in_a_table() -> None:
    output = StringIO()
    narrator = Narrator(Console(file=output, width=120, highlight=False))

    narrator.chapter("One")
    with narrator.waiting("it comes about"):
        pass
    with pytest.raises(ValueError, match="no"), narrator.waiting("it fails"):
        raise ValueError("no")
    narrator.summary([Result("a [thing] happened", "undid it", 12.4, 1234.5)])

    text = output.getvalue()
    assert "1. One" in text
    assert "✓ it comes about (0.0 s)" in text
    assert "✗ it fails" in text
    assert "12 ms" in text
    assert "1,234 ms" in text


def test_a_folder_without_a_kept_demo_cannot_be_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "demo", "--end", str(tmp_path))

    assert ran.code == 1
    assert ran.err == f"error: {tmp_path} holds no demo that was kept\n"
    assert tmp_path.is_dir()


def test_an_engine_that_does_not_answer_ends_the_demo_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "demo", "--docker-host", f"unix://{tmp_path}/nobody.sock")

    assert ran.code == 1
    assert ran.err.startswith("error: ")
