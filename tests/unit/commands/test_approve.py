"""`swarmkeeper approve`: a yes to the plan that is shown, through the operator's API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api import Api, running_api
from support.cli import swarmkeeper
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig

REF = ObjectRef("Widget", "a")
ACTION = {
    "runbook": "update",
    "target": "service/a",
    "risk": "MEDIUM",
    "reason": "image differs",
    "before": {"spec.image": "web:1"},
    "after": {"spec.image": "web:2"},
}


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as api:
        api.resources.create(widget(), actor="test")
        yield api


@pytest.fixture
def kubeconfig(api: Api, tmp_path: Path) -> str:
    file = tmp_path / "kubeconfig"
    write_kubeconfig(file, server=api.url, token=api.tokens.admin)
    return str(file)


def wait_for_approval(api: Api) -> None:
    status = {"pendingApproval": {"hash": "abc123", "actions": [ACTION]}}
    api.resources.patch(REF, {"status": status}, actor="test", subresource="status")


def approved(api: Api) -> str:
    stored = api.resources.get(REF)
    assert stored is not None
    return str(stored["metadata"].get("annotations", {}).get("swarmkeeper.dev/approve", ""))


def test_the_plan_that_waits_is_approved_and_shown(
    api: Api, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_for_approval(api)

    ran = swarmkeeper(capsys, "approve", "Widget/a", "--kubeconfig", kubeconfig)

    assert (ran.code, ran.err) == (0, "")
    assert "Widget/a: plan abc123 is approved" in ran.out
    assert "update service/a (risk MEDIUM): image differs" in ran.out
    assert "spec.image: web:1 -> web:2" in ran.out
    assert approved(api) == "abc123"


def test_another_plan_than_the_one_that_was_seen_is_not_approved(
    api: Api, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_for_approval(api)

    ran = swarmkeeper(capsys, "approve", "Widget/a", "--hash", "old", "--kubeconfig", kubeconfig)

    assert ran.code == 1
    assert "has another plan now, abc123" in ran.err
    assert approved(api) == ""


@pytest.mark.parametrize(
    ("object_", "told"),
    [
        ("Widget/a", "has no plan that waits for approval"),
        ("Widget/b", 'widgets.swarmkeeper.dev "b" not found'),
        ("Gadget/a", "there is no kind 'Gadget': there are Widget"),
        ("Widget", "write KIND/NAME"),
    ],
)
def test_what_can_not_be_approved_is_told(
    object_: str, told: str, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "approve", object_, "--kubeconfig", kubeconfig)

    assert ran.code == 1
    assert told in ran.err


def test_an_operator_that_is_not_there_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none")
    ran = swarmkeeper(capsys, "approve", "Widget/a", "--kubeconfig", missing)
    assert (ran.code, "can't be read" in ran.err) == (1, True)

    file = tmp_path / "kubeconfig"
    write_kubeconfig(file, server="http://127.0.0.1:1", token="t")
    ran = swarmkeeper(capsys, "approve", "Widget/a", "--kubeconfig", str(file))
    assert (ran.code, "does not answer" in ran.err) == (1, True)
