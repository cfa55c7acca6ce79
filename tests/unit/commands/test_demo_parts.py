"""The parts of the demo that need no swarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from rich.console import Console
from support.cli import swarmkeeper

from desired_state.loader import load_tree
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import Example, Ports
from swarmkeeper.commands.demo.handmade import hand_made
from swarmkeeper.commands.demo.narration import Narrator, Result
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.steps import steps
from swarmkeeper.commands.kinds import scheme

OTHER = Example("elsewhere", "node-1", "10.77.0.11", Ports.starting_at(23456))


def test_the_stack_has_the_services_that_the_desired_state_declares(tmp_path: Path) -> None:
    example = Example()
    Repository(tmp_path).create(example.desired_state())
    declared = load_tree(tmp_path / "desired-state", scheme())
    services = yaml.safe_load(example.compose())["services"]

    assert declared.problems == ()
    kept = {ref.name for ref in declared.objects if ref.kind == "SwarmService"}
    assert kept == services.keys() == example.tasks.keys()
    others = {str(ref) for ref in declared.objects if ref.name not in kept}
    assert others == {"RedisStream/tasks", "PostgresBackup/agentes-ai", "Certificate/website"}
    assert {n: s["deploy"]["replicas"] for n, s in services.items()} == example.tasks


def test_under_another_name_nothing_of_the_first_one_is_left() -> None:
    for text in (OTHER.compose(), *OTHER.desired_state().values()):
        assert "agentes_ai" not in text
        assert "8080:8080" not in text

    orchestrator = OTHER.desired_state()["orchestrator.yaml"]
    assert "http://{nodeAddress}:23456/health" in orchestrator
    assert "{target: 8080, published: 23456, mode: host}" in orchestrator
    published = {
        p["published"] for p in yaml.safe_load(OTHER.compose())["services"]["traefik"]["ports"]
    }
    assert published == {23459, 23460}


def test_on_a_shared_swarm_everything_stays_on_one_node() -> None:
    document = yaml.safe_load(OTHER.compose())

    placements = [s["deploy"]["placement"]["constraints"] for s in document["services"].values()]
    assert placements == [["node.id == node-1"]] * len(OTHER.tasks)
    assert document["version"] == "3.8"
    names = {name: secret["name"] for name, secret in document["secrets"].items()}
    assert names == {name: f"elsewhere_{name}" for name in names}


def test_the_stores_and_the_website_are_reached_where_the_operator_can_reach_them() -> None:
    services, files = yaml.safe_load(OTHER.compose())["services"], OTHER.desired_state()

    ports = {name: services[name]["ports"][0] for name in ("redis", "postgres")}
    assert {name: (port["target"], port["published"]) for name, port in ports.items()} == {
        "redis": (6379, 23457),
        "postgres": (5432, 23458),
    }
    assert "url: redis://10.77.0.11:23457/0" in files["streams.yaml"]
    server = spec_of(files["backups.yaml"])["server"]
    assert (server["host"], server["port"]) == ("10.77.0.11", 23458)
    assert spec_of(files["certificates.yaml"])["endpoints"] == [
        {"host": "10.77.0.11", "port": 23460}
    ]


def test_the_certificate_waits_for_its_step_and_comes_from_the_demos_own_ca() -> None:
    spec = spec_of(OTHER.desired_state()["certificates.yaml"])

    assert spec["suspend"] is True
    assert spec["trust"] == {"caSecretRef": {"name": "elsewhere_trusted"}}
    acme = spec["issuer"]["acme"]
    assert acme["server"] == f"https://127.0.0.1:{OTHER.authority_port}/dir"
    assert acme["caSecretRef"] == {"name": "elsewhere_ca"}


def test_what_cannot_be_shown_is_left_out_everywhere() -> None:
    example = Example(left_out=frozenset({"backups", "drill", "website"}))
    document, files = yaml.safe_load(example.compose()), example.desired_state()

    assert document["services"].keys() == example.tasks.keys()
    assert "traefik" not in example.tasks
    assert "routes" not in document.get("configs", {})
    assert not {"backups.yaml", "certificates.yaml", "proxy.yaml"} & files.keys()
    shown = {step.__name__ for step in steps(example)}
    assert not {"kept", "too_old", "cut_in_half", "rows_lost", "renewed"} & shown
    assert "flooded" in shown


def test_without_a_server_of_its_own_a_backup_is_not_restored_for_a_trial() -> None:
    example = Example(left_out=frozenset({"drill"}))

    assert "restoreDrill" not in spec_of(example.desired_state()["backups.yaml"])
    assert "restoreDrill" in spec_of(Example().desired_state()["backups.yaml"])


def test_the_operator_gets_its_secrets_and_nobody_sees_them(tmp_path: Path) -> None:
    stack = Stack(OTHER)

    stack.give_secrets(tmp_path / "secrets", ca="PEM")

    files = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert files == {
        "elsewhere_redis_password": stack.redis_password,
        "elsewhere_postgres_password": stack.postgres_password,
        "elsewhere_ca": "PEM",
    }
    assert stack.redis_password not in repr(stack)
    assert stack.postgres_password not in repr(stack)


def test_the_certificate_made_by_hand_ends_soon_and_is_good_until_then() -> None:
    made = hand_made("app.test")

    leaf, root = map(x509.load_pem_x509_certificate, (made.certificate, made.authority))
    verifier = PolicyBuilder().store(Store([root])).build_server_verifier(x509.DNSName("app.test"))
    assert verifier.verify(leaf, []) == [leaf, root]
    assert timedelta(days=1) < leaf.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=2)


def spec_of(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text)["spec"])


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
