"""Runbooks asked for over the API of a whole operator: by the command line, by kubectl's means, from git."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import swarmkeeper
from support.git import Repository
from support.running import Running, eventually
from support.toy import Gauges

from desired_state.objects import API_VERSION, ObjectRef

GAUGE = (
    "apiVersion: swarmkeeper.dev/v1alpha1\nkind: Gauge\nmetadata: {name: a}\n"
    "spec: {value: 1, interval: 1h, healthyDelay: 0s}\n"
)
RUN = (
    "apiVersion: swarmkeeper.dev/v1alpha1\nkind: RunbookRun\nmetadata: {name: once}\n"
    "spec: {runbook: reset, target: {kind: Gauge, name: a}}\n"
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def running(tmp_path: Path, repository: Repository) -> Iterator[Running]:
    repository.commit(gauges=GAUGE)
    operator = Running(tmp_path, Gauges(), git=repository.url).start()
    eventually(lambda: operator.ready() == "True")
    yield operator
    operator.stop()


def arguments(running: Running, *words: str) -> tuple[str, ...]:
    return ("runbook", "run", *words, "--kubeconfig", str(running.settings.kubeconfig_path))


def runs(running: Running) -> list[str]:
    found = running.operator.objects.list("RunbookRun")
    return [run["status"]["phase"] for run in found if "status" in run]


def test_the_command_tells_how_a_run_goes_on_and_ends_with_it(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, *arguments(running, "add", "Gauge/a", "--param", "by=4"))

    assert (ran.code, ran.err) == (0, "")
    first, *_, last = ran.out.splitlines()
    assert first.endswith(": add on Gauge/a is asked for")
    assert last == "Succeeded: set to 5; value is 5"
    eventually(lambda: running.gauges.writes == [("a", 1), ("a", 5), ("a", 1)])


def test_the_command_fails_with_the_run(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, *arguments(running, "add", "Gauge/a", "--param", "by=x"))

    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "Failed: by: not a positive number"
    assert runs(running) == ["Failed"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "a"), "'a' names no object: write KIND/NAME"),
        (("add", "Gauge/a", "--param", "by"), "--param 'by': write NAME=VALUE"),
        (("add", "Gauge/a", "--param", "by=1", "--param", "by=2"), "--param by is given twice"),
        (("add", "Gauge/a", "--timeout", "soon"), "spec.timeout"),
    ],
)
def test_what_can_not_be_asked_for_is_told(
    running: Running, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    ran = swarmkeeper(capsys, *arguments(running, *words))

    assert ran.code == 1
    assert message in ran.err
    assert running.operator.objects.list("RunbookRun") == []


def test_a_run_that_waits_for_approval_goes_on_when_it_has_it(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    words = arguments(running, "add", "Gauge/a", "--param", "by=1", "--approval")
    waiting = threading.Thread(target=lambda: codes.append(swarmkeeper(capsys, *words).code))
    waiting.start()
    eventually(lambda: bool(waiting_runs(running)))
    (ref,) = waiting_runs(running)
    note = {"swarmkeeper.dev/approve": hash_of(running, ref)}
    running.operator.objects.patch(ref, {"metadata": {"annotations": note}}, actor="ada")
    waiting.join(20)

    assert codes == [0]
    assert ("a", 2) in running.gauges.writes


def waiting_runs(running: Running) -> list[ObjectRef]:
    found = running.operator.objects.list("RunbookRun")
    return [
        ObjectRef("RunbookRun", run["metadata"]["name"])
        for run in found
        if "pendingApproval" in run.get("status", {})
    ]


def hash_of(running: Running, ref: ObjectRef) -> str:
    stored = running.operator.objects.get(ref)
    assert stored is not None
    return str(stored["status"]["pendingApproval"]["hash"])


def test_it_need_not_be_waited_for(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys, *arguments(running, "reset", "Gauge/a", "--no-wait"))

    assert ran.code == 0
    assert len(ran.out.splitlines()) == 1
    eventually(lambda: runs(running) == ["Succeeded"])


def test_a_run_from_git_is_done_once_and_again_when_it_changes(
    running: Running, repository: Repository
) -> None:
    repository.commit(run=RUN)
    running.term.look_at_source()
    eventually(lambda: runs(running) == ["Succeeded"])
    assert running.gauges.writes == [("a", 1), ("a", 1)]

    repository.commit(run=RUN.replace("runbook: reset", "runbook: reset, timeout: 5m"))
    running.term.look_at_source()

    eventually(lambda: len(running.gauges.writes) == 3)
    repository.commit(run=None)
    running.term.look_at_source()
    eventually(lambda: running.operator.objects.list("RunbookRun") == [])


def test_a_target_that_is_made_later_gets_what_waits_for_it(running: Running) -> None:
    running.operator.objects.create(
        {
            "apiVersion": API_VERSION,
            "kind": "RunbookRun",
            "metadata": {"name": "early"},
            "spec": {"runbook": "reset", "target": {"kind": "Gauge", "name": "b"}},
        },
        actor="ada",
    )
    eventually(lambda: runs(running) == ["Pending"])

    running.operator.objects.create(
        {
            "apiVersion": API_VERSION,
            "kind": "Gauge",
            "metadata": {"name": "b"},
            "spec": {"value": 7},
        },
        actor="ada",
    )

    eventually(lambda: runs(running) == ["Succeeded"])
    assert running.gauges.values["b"] == 7
