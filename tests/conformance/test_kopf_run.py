"""`kopf run` with handlers as its documentation has them, as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.api import Api
from support.kopf_run import kopf_run
from support.kubectl import Kubectl
from support.operator_process import eventually
from support.widget_objects import make, now, remove
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM

pytestmark = pytest.mark.client("kopf")

A = ObjectRef("Widget", "a")
STORAGE = "kopf.zalando.org/"


def status(api: Api, name: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = now(api, name).get("status", {})
    return found


def notes(api: Api) -> dict[str, str]:
    found: dict[str, str] = now(api)["metadata"].get("annotations", {})
    return found


def is_settled(api: Api) -> bool:
    """Whether every handler has done its part, and nothing of the progress is left."""
    return list(notes(api)) == [f"{STORAGE}last-handled-configuration"]


def says(api: Api, key: str, value: Any) -> None:
    """Waits until the status says something."""
    eventually(lambda: status(api).get(key) == value, 60, f"{key} is {value}")


@pytest.mark.verb(
    "kopf.on.create",
    "kopf.on.update",
    "kopf.on.field",
    "kopf.on.delete",
    "kopf.on.event",
    "kopf.subhandler",
    "kopf.info",
    "kopf.event",
)
def test_changes_are_handled(api: Api, kubeconfig: Path, tmp_path: Path) -> None:
    kubectl = Kubectl.at(api, tmp_path)
    with kopf_run("growth", kubeconfig, "--all-namespaces", "--standalone") as run:
        body = widget() | {"spec": {"size": 1, "env": {"COLOUR": "red"}}}
        api.resources.create(body, actor=PROGRAM)
        says(api, "create", {"size": 1})
        says(api, "create/COLOUR", {"set": "COLOUR"})
        says(api, "resize/spec.size", {"change": [None, 1]})
        eventually(lambda: is_settled(api), 60)
        assert now(api)["metadata"]["finalizers"] == ["tests/growth"]

        api.resources.patch(A, {"spec": {"size": 2}}, actor=PROGRAM)
        says(api, "update", {"diff": [["change", "spec.size", 1, 2]]})
        says(api, "resize/spec.size", {"change": [1, 2]})
        eventually(lambda: is_settled(api), 60)

        kubectl("delete", "wd", "a")
        assert api.resources.get(A) is None
        for change in ("MODIFIED", "DELETED"):
            run.says(f"seen: {change} a")
        make(api, "b")
        run.says("seen: ADDED b")
        eventually(lambda: "Shrunk" in kubectl("events", "--for", "widget/a"), 60)
        told = kubectl("events", "--for", "widget/a")
        assert "Grown" in told
        assert "to nothing" in told


@pytest.mark.verb("kopf.on.resume")
def test_each_start_resumes(api: Api, kubeconfig: Path) -> None:
    make(api)
    with kopf_run("growth", kubeconfig, "--all-namespaces", "--standalone"):
        says(api, "create", {"size": 1})
        eventually(lambda: is_settled(api), 60)
    for starts in (1, 2):
        with kopf_run("growth", kubeconfig, "--all-namespaces", "--standalone"):
            says(api, "starts", starts)
            eventually(lambda: is_settled(api), 60)


@pytest.mark.verb("kopf.timer", "kopf.daemon", "kopf.index")
def test_timers_daemons_and_indexes(api: Api, kubeconfig: Path) -> None:
    make(api, "b")
    make(api, "c", size=7)
    with kopf_run("errands", kubeconfig, "--namespace=default", "--standalone") as run:
        make(api)
        eventually(lambda: status(api).get("ticks", 0) >= 3, 60)
        says(api, "alike", ["a", "b"])
        run.says("the daemon is up", times=3)
        remove(api)
        run.says("the daemon is down")
        eventually(lambda: api.resources.get(A) is None, 60)


@pytest.mark.verb(
    "kopf.TemporaryError", "kopf.PermanentError", "kopf.ErrorsMode", "kopf.on.create (retries)"
)
def test_errors_are_retried_or_not(api: Api, kubeconfig: Path) -> None:
    with kopf_run("troubles", kubeconfig, "--all-namespaces", "--standalone") as run:
        make(api)
        says(api, "temporary", {"tries": 3})
        run.says("Handler 'permanent' failed permanently: never")
        run.says("Creation is processed: 2 succeeded; 3 failed")
        assert run.said().count("ZeroDivisionError: by accident") == 2
        eventually(lambda: is_settled(api), 60)


@pytest.mark.verb("kopf.adopt")
def test_adopted_children_go_with_their_parent(api: Api, kubeconfig: Path, tmp_path: Path) -> None:
    with kopf_run("family", kubeconfig, "--all-namespaces", "--standalone"):
        made = make(api, size=3)
        eventually(lambda: "create" in status(api), 60)
        child = now(api, status(api)["create"]["child"])
        assert child["spec"] == {"size": 3}
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Widget", "a")
        assert owner["uid"] == made["metadata"]["uid"]
        Kubectl.at(api, tmp_path)("delete", "wd", "a")
        eventually(lambda: api.resources.list("Widget") == [], 60)


@pytest.mark.verb("kopf.StatusProgressStorage", "kopf.AnnotationsDiffBaseStorage")
def test_progress_is_kept_where_the_settings_say(api: Api, kubeconfig: Path) -> None:
    with kopf_run("patience", kubeconfig, "--all-namespaces", "--standalone"):
        make(api)
        eventually(lambda: progress(api).get("retries", 0) >= 2, 60)
    with kopf_run("patience", kubeconfig, "--all-namespaces", "--standalone"):  # and goes on there
        tries = progress(api)["retries"]
        eventually(lambda: progress(api).get("retries", 0) > tries, 60)
        api.resources.patch(A, {"metadata": {"annotations": {"go": "yes"}}}, actor=PROGRAM)
        says(api, "create", {"done": True})
        eventually(lambda: "tests.example/seen" in notes(api), 60)
        eventually(lambda: not status(api).get("progress"), 60)
        assert not any(STORAGE in name for name in notes(api))


def progress(api: Api) -> dict[str, Any]:
    """How far the handler `create` is."""
    found: dict[str, Any] = (status(api).get("progress") or {}).get("create") or {}
    return found
