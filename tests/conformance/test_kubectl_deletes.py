"""Real kubectl deleting: at once, held by finalizers, many together, with and without waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import make, now

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM

A = ObjectRef("Widget", "a")


def names(api: Api) -> list[str]:
    return [each["metadata"]["name"] for each in api.resources.list("Widget")]


def release(api: Api) -> None:
    api.resources.patch(A, {"metadata": {"finalizers": []}}, actor=PROGRAM)


@contextmanager
def controller(api: Api) -> Iterator[None]:
    """Takes the finalizer away once deletion was asked for."""

    def finish() -> None:
        while "deletionTimestamp" not in now(api)["metadata"]:
            time.sleep(0.02)
        release(api)

    thread = threading.Thread(target=finish, daemon=True)
    thread.start()
    yield
    thread.join(5)


@pytest.mark.verb("delete")
def test_an_object_is_deleted(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert "deleted" in kubectl("delete", "wd", "a")
    assert names(api) == []
    assert "not found" in kubectl("delete", "wd", "a", code=1)
    kubectl("delete", "wd", "a", "--ignore-not-found")


@pytest.mark.verb("delete (finalizers)")
def test_delete_waits_for_finalizers(api: Api, kubectl: Kubectl) -> None:
    make(api, finalizers=["test/one"])

    with controller(api):
        assert "deleted" in kubectl("delete", "wd", "a")
    assert names(api) == []


@pytest.mark.verb("delete --wait=false")
def test_delete_without_waiting(api: Api, kubectl: Kubectl) -> None:
    make(api, finalizers=["test/one"])

    assert "deleted" in kubectl("delete", "wd", "a", "--wait=false")
    assert "deletionTimestamp" in now(api)["metadata"]
    release(api)
    assert names(api) == []


@pytest.mark.verb("delete --all", "delete -l")
def test_many_are_deleted_together(api: Api, kubectl: Kubectl) -> None:
    make(api, "a", labels={"tier": "x"})
    make(api, "b")
    make(api, "c")

    kubectl("delete", "wd", "-l", "tier=x")
    assert names(api) == ["b", "c"]
    kubectl("delete", "wd", "--all")
    assert names(api) == []


@pytest.mark.verb("delete --cascade")
@pytest.mark.parametrize("how", ["background", "foreground", "orphan"])
def test_each_way_of_cascading_is_taken(api: Api, kubectl: Kubectl, how: str) -> None:
    make(api)

    assert "deleted" in kubectl("delete", "wd", "a", f"--cascade={how}", "--timeout=10s")
    assert names(api) == []


@pytest.mark.verb("delete --dry-run=server")
def test_a_try_deletes_nothing(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert "dry run" in kubectl("delete", "wd", "a", "--dry-run=server")
    assert names(api) == ["a"]


@pytest.mark.verb("delete --grace-period=0 --force")
def test_deleting_at_once(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("delete", "wd", "a", "--grace-period=0", "--force")
    assert names(api) == []
