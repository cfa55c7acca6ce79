"""What has lost its owners is deleted; what may have one, or is git's, is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.widgets import WIDGET, widget

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.garbage import Garbage
from swarmkeeper.apiserver.origin import ADMIN, ORIGIN, PROGRAM
from swarmkeeper.apiserver.ownership import FOREGROUND, ORPHAN, Propagation
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.apiserver.verbs import Caller, DeleteOptions
from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.objects import Key
from swarmkeeper.store.sql_objects import SqlObjectStore


@pytest.fixture
def resources() -> Iterator[Resources]:
    database = Database(IN_MEMORY)
    yield Resources(SqlObjectStore(database), Scheme([WIDGET]))
    database.close()


def reference(owner: JsonObject, *, block: bool = False) -> JsonObject:
    named = {field: owner["metadata"][field] for field in ("name", "uid")}
    return {"apiVersion": API_VERSION, "kind": "Widget", "blockOwnerDeletion": block} | named


def make(resources: Resources, name: str, *owners: JsonObject, **metadata: Any) -> JsonObject:
    body = widget(name, ownerReferences=list(owners), **metadata)
    return resources.create(body, actor=PROGRAM)


def delete(resources: Resources, name: str, propagation: Propagation | None = None) -> None:
    type_ = resources.catalogue.of_kind("Widget")
    assert type_ is not None
    options = DeleteOptions(propagation=propagation)
    resources.verbs.delete(type_, Key("Widget", "default", name), Caller(ADMIN), options)


def names(resources: Resources) -> list[str]:
    return [each["metadata"]["name"] for each in resources.list("Widget")]


def owners(resources: Resources, name: str) -> list[str]:
    found = resources.get(ObjectRef("Widget", name))
    assert found is not None
    return [each["name"] for each in found["metadata"].get("ownerReferences", [])]


def finalizers(resources: Resources, name: str) -> list[str]:
    found = resources.get(ObjectRef("Widget", name))
    assert found is not None
    found_finalizers: list[str] = found["metadata"].get("finalizers", [])
    return found_finalizers


def sweep(resources: Resources, times: int = 1) -> int:
    garbage = Garbage(resources.verbs, resources.catalogue)
    return sum(garbage.sweep() for _ in range(times))


def test_what_belongs_to_a_deleted_owner_goes_down_to_the_last(resources: Resources) -> None:
    a = make(resources, "a")
    b = make(resources, "b", reference(a))
    make(resources, "c", reference(b))
    make(resources, "other")
    sweep(resources)
    assert names(resources) == ["a", "b", "c", "other"]

    delete(resources, "a")
    sweep(resources, 2)

    assert names(resources) == ["other"]


def test_a_new_object_of_the_same_name_is_another_owner(resources: Resources) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a))
    delete(resources, "a")
    make(resources, "a")

    sweep(resources)

    assert names(resources) == ["a"]


def test_one_owner_that_is_left_keeps_it(resources: Resources) -> None:
    a, z = make(resources, "a"), make(resources, "z")
    make(resources, "b", reference(a), reference(z))

    delete(resources, "a")
    sweep(resources)
    assert owners(resources, "b") == ["z"]
    delete(resources, "z")
    sweep(resources)
    assert names(resources) == []


@pytest.mark.parametrize("field", [{"kind": "Gadget"}, {"apiVersion": "apps/v1"}])
def test_an_owner_that_cannot_be_looked_up_is_not_gone(
    resources: Resources, field: JsonObject
) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a) | field, reference(a))
    delete(resources, "a")

    sweep(resources)

    assert names(resources) == ["b"]
    assert len(owners(resources, "b")) == 2


def test_an_owner_in_another_namespace_is_none(resources: Resources) -> None:
    a = make(resources, "a", namespace="other")
    make(resources, "b", reference(a))

    sweep(resources)

    assert names(resources) == ["a"]


def test_what_git_declares_stays(resources: Resources) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a), annotations={ORIGIN: "b.yaml:1@3f2a91c"})
    delete(resources, "a")

    assert sweep(resources) == 0
    assert names(resources) == ["b"]


def test_a_finalizer_holds_what_is_collected(resources: Resources) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a), finalizers=["test/one"])
    delete(resources, "a")

    sweep(resources, 2)
    assert names(resources) == ["b"]
    resources.patch(ObjectRef("Widget", "b"), {"metadata": {"finalizers": []}}, actor=PROGRAM)
    assert names(resources) == []


def test_orphans_stay_without_the_reference(resources: Resources) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a))

    delete(resources, "a", Propagation.ORPHAN)
    assert finalizers(resources, "a") == [ORPHAN]
    assert sweep(resources, 3) == 0

    assert names(resources) == ["b"]
    assert owners(resources, "b") == []


def test_in_the_foreground_what_blocks_goes_first(resources: Resources) -> None:
    a = make(resources, "a")
    make(resources, "b", reference(a, block=True), finalizers=["test/one"])
    make(resources, "c", reference(a), finalizers=["test/one"])

    delete(resources, "a", Propagation.FOREGROUND)
    sweep(resources, 3)
    assert finalizers(resources, "a") == [FOREGROUND]
    resources.patch(ObjectRef("Widget", "b"), {"metadata": {"finalizers": []}}, actor=PROGRAM)
    sweep(resources)

    assert names(resources) == ["c"]  # is deleted, and did not block


def test_a_circle_of_owners_does_not_hold_itself(resources: Resources) -> None:
    a = make(resources, "a")
    b = make(resources, "b", reference(a, block=True))
    owner = {"metadata": {"ownerReferences": [reference(b, block=True)]}}
    resources.patch(ObjectRef("Widget", "a"), owner, actor=PROGRAM)

    delete(resources, "a", Propagation.FOREGROUND)
    sweep(resources, 3)

    assert names(resources) == []


def test_a_second_deletion_may_change_the_way(resources: Resources) -> None:
    a = make(resources, "a", finalizers=["test/one"])
    make(resources, "b", reference(a, block=True), finalizers=["test/one"])
    delete(resources, "a", Propagation.FOREGROUND)
    assert finalizers(resources, "a") == ["test/one", FOREGROUND]
    since = resources.list("Widget")[0]["metadata"]["deletionTimestamp"]

    delete(resources, "a", Propagation.BACKGROUND)

    assert finalizers(resources, "a") == ["test/one"]
    assert resources.list("Widget")[0]["metadata"]["deletionTimestamp"] == since
