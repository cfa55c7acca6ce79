"""A changed declaration that waits, in the whole operator: from git, by the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import swarmkeeper
from support.git import Repository
from support.running import REF, Running, eventually
from support.toy import Gauges

from desired_state.objects import JsonObject


def gauge(value: int) -> str:
    return (
        "apiVersion: swarmkeeper.dev/v1alpha1\nkind: Gauge\nmetadata: {name: a}\n"
        f"spec: {{value: {value}, interval: 1h, healthyDelay: 0s, upgradePolicy: Approved}}\n"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def running(tmp_path: Path, repository: Repository) -> Iterator[Running]:
    repository.commit(gauges=gauge(1))
    operator = Running(tmp_path, Gauges(), git=repository.url).start()
    eventually(lambda: waits(operator, 1))
    yield operator
    operator.stop()


def status(running: Running) -> JsonObject:
    stored = running.operator.objects.get(REF) or {}
    return dict(stored.get("status", {}))


def waits(running: Running, value: int) -> bool:
    """Whether the version with this value is the one that waits."""
    actions = status(running).get("pendingApproval", {}).get("actions", [{"after": {}}])
    return bool(actions[0]["after"].get("spec.value") == value)


def approve(running: Running, capsys: pytest.CaptureFixture[str]) -> str:
    where = str(running.settings.kubeconfig_path)
    ran = swarmkeeper(capsys, "approve", "Gauge/a", "--kubeconfig", where)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def test_a_commit_waits_for_the_command_and_drift_is_healed_to_the_one_before(
    running: Running, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running.gauges.values == {}
    approve(running, capsys)
    eventually(lambda: running.ready() == "True")
    first = status(running)["lastAppliedRevision"]

    repository.commit(gauges=gauge(2))
    running.term.look_at_source()
    eventually(lambda: waits(running, 2))
    running.gauges.values["a"] = 99
    running.watcher.on_signals({"gauge/a"})
    eventually(lambda: running.gauges.values == {"a": 1})
    eventually(lambda: "drift" not in status(running))
    assert running.ready() == "False"
    assert status(running)["lastAppliedRevision"] == first
    assert {r.step.revision for r in running.term.deps.trail.records()} == {first}

    assert "spec.value: 1 -> 2" in approve(running, capsys)
    eventually(lambda: running.gauges.values == {"a": 2})
    eventually(lambda: running.ready() == "True")
    assert status(running)["lastAppliedRevision"] != first
