"""Real kubectl deleting owners: what belongs to them goes, goes first, or stays."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api
from support.kubectl import Kubectl
from support.operator_process import eventually
from support.widget_objects import make, now

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM


def family(api: Api, **metadata: Any) -> None:
    """A grandparent `a`, a parent `b` and a child `c`."""
    b = make(api, "b", ownerReferences=[reference(make(api, "a"))])
    make(api, "c", ownerReferences=[reference(b)], **metadata)


def reference(owner: JsonObject) -> JsonObject:
    named = {field: owner["metadata"][field] for field in ("name", "uid")}
    return {"apiVersion": API_VERSION, "kind": "Widget", "blockOwnerDeletion": True, **named}


def names(api: Api) -> list[str]:
    return [each["metadata"]["name"] for each in api.resources.list("Widget")]


def release(api: Api, name: str) -> None:
    patch: JsonObject = {"metadata": {"finalizers": []}}
    api.resources.patch(ObjectRef("Widget", name), patch, actor=PROGRAM)


@pytest.mark.verb("delete (what it owns)")
@pytest.mark.parametrize("how", [[], ["--cascade=background"], ["--cascade=foreground"]])
def test_what_belongs_to_an_owner_goes_with_it(api: Api, kubectl: Kubectl, how: list[str]) -> None:
    family(api)
    make(api, "other")

    kubectl("delete", "wd", "a", *how)

    eventually(lambda: names(api) == ["other"])


@pytest.mark.verb("delete --cascade=orphan (what it owns)")
def test_orphans_stay(api: Api, kubectl: Kubectl) -> None:
    family(api)

    kubectl("delete", "wd", "a", "--cascade=orphan")

    assert names(api) == ["b", "c"]
    assert "ownerReferences" not in now(api, "b")["metadata"]
    assert now(api, "c")["metadata"]["ownerReferences"][0]["name"] == "b"


@pytest.mark.verb("delete --cascade=foreground (what it owns)")
def test_in_the_foreground_the_last_goes_first(api: Api, kubectl: Kubectl) -> None:
    family(api, finalizers=["test/one"])

    kubectl("delete", "wd", "a", "--cascade=foreground", "--wait=false")
    eventually(lambda: "deletionTimestamp" in now(api, "c")["metadata"])
    assert names(api) == ["a", "b", "c"]
    assert now(api)["metadata"]["finalizers"] == ["foregroundDeletion"]

    release(api, "c")
    eventually(lambda: names(api) == [])


@pytest.mark.verb("delete --all (what it owns)")
def test_owners_deleted_together(api: Api, kubectl: Kubectl) -> None:
    for number in range(5):
        owner = make(api, f"owner-{number}", labels={"role": "owner"})
        for child in range(5):
            make(api, f"child-{number}-{child}", ownerReferences=[reference(owner)])

    kubectl("delete", "wd", "-l", "role=owner")

    eventually(lambda: names(api) == [])
