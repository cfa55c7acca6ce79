"""Objects from inside the process: identity, versions, generation, status, finalizers, git."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.widgets import WIDGET, widget

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.origin import ADMIN, OPERATOR, ORIGIN, PROGRAM
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.runtime.ports import ApiError, Objects
from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.sql_objects import SqlObjectStore

A = ObjectRef("Widget", "a")
START = datetime(2025, 1, 1, tzinfo=UTC)


class TickingClock:
    """A minute passes with each look."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


@pytest.fixture
def resources() -> Iterator[Resources]:
    database = Database(IN_MEMORY)
    yield Resources(SqlObjectStore(database), Scheme([WIDGET]), clock=TickingClock())
    database.close()


def make(resources: Resources, **metadata: Any) -> JsonObject:
    return resources.create(widget(**metadata), actor=PROGRAM)


def refusal(call: Any, *args: Any, **kwargs: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*args, **kwargs)
    return caught.value


def test_it_is_the_port_that_kinds_and_controller_use(resources: Resources) -> None:
    port: Objects = resources

    assert port.get(A) is None


def test_a_new_object_gets_its_system_fields(resources: Resources) -> None:
    created = resources.create(widget() | {"status": {"forged": True}}, actor=PROGRAM)
    metadata = created["metadata"]

    assert resources.get(A) == created
    assert "status" not in created
    assert (metadata["namespace"], metadata["generation"]) == ("default", 1)
    assert metadata["creationTimestamp"].startswith("2025-01-01T00:")
    assert metadata["resourceVersion"] == str(resources.store.revision)
    assert len(metadata["uid"]) == 36


def test_a_second_object_of_the_name_is_refused(resources: Resources) -> None:
    make(resources)

    error = refusal(make, resources)

    assert (error.code, error.reason) == (409, "AlreadyExists")
    assert error.message == 'widgets.swarmkeeper.dev "a" already exists'


def test_a_name_is_generated(resources: Resources) -> None:
    body = widget()
    body["metadata"] = {"generateName": "run-"}

    names = {resources.create(body, actor=PROGRAM)["metadata"]["name"] for _ in range(20)}

    assert len(names) == 20
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_an_invalid_spec_names_its_fields(resources: Resources) -> None:
    error = refusal(
        resources.create, widget() | {"spec": {"size": -1, "colour": "red"}}, actor=PROGRAM
    )

    assert (error.code, error.reason) == (422, "Invalid")
    assert {field for field, _ in error.causes} == {"spec.size", "spec.colour"}
    assert 'Widget.swarmkeeper.dev "a" is invalid' in error.message


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "A"}, "metadata.name"),
        ({"name": "a.b"}, "metadata.name"),
        ({"labels": {"a": 1}}, "metadata.labels"),
        ({"labels": {"a": "not valid"}}, "metadata.labels[a]"),
        ({"annotations": {"a": None}}, "metadata.annotations"),
        ({"finalizers": ["not valid"]}, "metadata.finalizers"),
        ({"ownerReferences": [{"kind": "Widget"}]}, "metadata.ownerReferences[0].apiVersion"),
        ({"colour": "red"}, "metadata.colour"),
        ({"namespace": "A"}, "metadata.namespace"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_metadata_names_its_fields(
    resources: Resources, metadata: JsonObject, field: str
) -> None:
    error = refusal(make, resources, **metadata)

    assert (error.code, field in dict(error.causes)) == (422, True)


def test_a_patch_of_the_spec_counts_a_generation(resources: Resources) -> None:
    make(resources)

    patched = resources.patch(A, {"spec": {"size": 2}}, actor=PROGRAM)

    assert (patched["spec"], patched["metadata"]["generation"]) == ({"size": 2}, 2)


def test_metadata_and_status_count_no_generation(resources: Resources) -> None:
    make(resources)
    resources.patch(A, {"metadata": {"labels": {"a": "b"}}}, actor=PROGRAM)

    patched = resources.patch(
        A, {"status": {"phase": "Ready"}}, actor=PROGRAM, subresource="status"
    )

    assert patched["metadata"]["generation"] == 1
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert patched["status"] == {"phase": "Ready"}


def test_spec_and_status_are_written_apart(resources: Resources) -> None:
    make(resources)
    both = {"spec": {"size": 5}, "status": {"phase": "Ready"}, "metadata": {"labels": {"a": "b"}}}

    status = resources.patch(A, both, actor=PROGRAM, subresource="status")
    assert (status["spec"], status["status"]) == ({"size": 1}, {"phase": "Ready"})
    assert "labels" not in status["metadata"]

    both["status"] = {"phase": "Failed"}
    main = resources.patch(A, both, actor=PROGRAM)
    assert (main["spec"], main["status"]) == ({"size": 5}, {"phase": "Ready"})


def test_a_patch_that_changes_nothing_writes_nothing(resources: Resources) -> None:
    before = make(resources, labels={"a": "b"})
    revision = resources.store.revision

    for patch in ({}, {"spec": {"size": 1}}, {"metadata": {"labels": {"a": "b", "c": None}}}):
        assert resources.patch(A, patch, actor=PROGRAM) == before
    assert resources.patch(A, {"status": None}, actor=PROGRAM, subresource="status") == before
    assert resources.store.revision == revision


def test_one_is_not_true(resources: Resources) -> None:
    make(resources)
    resources.patch(A, {"status": {"x": 1}}, actor=PROGRAM, subresource="status")

    patched = resources.patch(A, {"status": {"x": True}}, actor=PROGRAM, subresource="status")

    assert patched["status"]["x"] is True


def test_system_fields_stay(resources: Resources) -> None:
    before = make(resources)
    forged = {
        "creationTimestamp": "x",
        "generation": 9,
        "deletionTimestamp": "x",
        "managedFields": [],
    }

    assert resources.patch(A, {"metadata": forged}, actor=PROGRAM) == before


@pytest.mark.parametrize(
    "metadata", [{"resourceVersion": "1"}, {"uid": "another"}], ids=["version", "uid"]
)
@pytest.mark.parametrize("subresource", [None, "status"])
def test_another_version_is_a_conflict(
    resources: Resources, metadata: JsonObject, subresource: str | None
) -> None:
    make(resources)

    error = refusal(
        resources.patch, A, {"metadata": metadata}, actor=PROGRAM, subresource=subresource
    )

    assert (error.code, error.reason) == (409, "Conflict")


def test_a_patch_at_the_seen_version_is_taken(resources: Resources) -> None:
    version = make(resources)["metadata"]["resourceVersion"]

    patch = {"metadata": {"resourceVersion": version}, "spec": {"size": 2}}
    assert resources.patch(A, patch, actor=PROGRAM)["spec"] == {"size": 2}


def test_a_replacement_takes_the_whole_place_but_the_status(resources: Resources) -> None:
    make(resources, labels={"a": "b"})
    resources.patch(A, {"status": {"phase": "Ready"}}, actor=PROGRAM, subresource="status")

    replaced = resources.replace(widget() | {"spec": {"size": 3}, "status": {}}, actor=PROGRAM)

    assert (replaced["spec"], replaced["status"]) == ({"size": 3}, {"phase": "Ready"})
    assert "labels" not in replaced["metadata"]
    assert resources.replace(replaced, actor=PROGRAM) == replaced
    replaced["metadata"]["resourceVersion"] = "1"
    assert refusal(resources.replace, replaced, actor=PROGRAM).code == 409
    assert refusal(resources.replace, widget("b"), actor=PROGRAM).code == 404


def test_absent_objects_are_not_patched(resources: Resources) -> None:
    assert refusal(resources.patch, A, {}, actor=PROGRAM).code == 404


def test_an_object_without_finalizers_is_gone_at_once(resources: Resources) -> None:
    make(resources)

    resources.delete(A, actor=PROGRAM)
    resources.delete(A, actor=PROGRAM)

    assert resources.get(A) is None


def test_finalizers_hold_a_deleted_object(resources: Resources) -> None:
    make(resources, finalizers=["test/one", "test/two"])
    resources.delete(A, actor=PROGRAM)
    held = resources.get(A)
    assert held is not None
    assert held["metadata"]["deletionTimestamp"]

    resources.delete(A, actor=PROGRAM)  # asking twice changes nothing
    assert resources.get(A) == held

    added = {"metadata": {"finalizers": ["test/three"]}}
    assert refusal(resources.patch, A, added, actor=PROGRAM).code == 422

    resources.patch(A, {"metadata": {"finalizers": ["test/two"]}}, actor=PROGRAM)
    assert resources.get(A) is not None
    resources.patch(A, {"metadata": {"finalizers": None}}, actor=PROGRAM)
    assert resources.get(A) is None


def test_a_list_is_selected_by_namespace_and_labels(resources: Resources) -> None:
    make(resources, name="b", labels={"tier": "x", "env": "y"})
    make(resources, name="a", labels={"tier": "x"})
    make(resources, name="a", namespace="other")

    def names(**kwargs: Any) -> list[str]:
        return [o["metadata"]["name"] for o in resources.list("Widget", **kwargs)]

    assert names() == ["a", "b", "a"]
    assert names(namespace="other") == ["a"]
    assert names(labels={"tier": "x", "env": "y"}) == ["b"]


def test_namespaces_come_with_their_first_object(resources: Resources) -> None:
    make(resources, namespace="other")

    assert [n["metadata"]["name"] for n in resources.list("Namespace")] == ["default", "other"]


def test_a_namespace_in_use_stays(resources: Resources) -> None:
    make(resources, namespace="other")
    other = ObjectRef("Namespace", "other")
    assert refusal(resources.delete, other, actor=PROGRAM).code == 409
    assert refusal(resources.delete, ObjectRef("Namespace", "default"), actor=PROGRAM).code == 409

    resources.delete(ObjectRef("Widget", "a", "other"), actor=PROGRAM)
    resources.delete(other, actor=PROGRAM)

    assert resources.get(other) is None


def test_unknown_kinds_are_not_found(resources: Resources) -> None:
    assert refusal(resources.list, "Gadget").code == 404


def test_definitions_follow_the_scheme(resources: Resources) -> None:
    revision = resources.store.revision
    Resources(resources.store, Scheme([WIDGET]))
    assert resources.store.revision == revision  # a restart writes nothing

    peerings = ["clusterkopfpeerings.kopf.dev", "kopfpeerings.kopf.dev"]
    assert definitions(resources) == [*peerings, "widgets.swarmkeeper.dev"]
    definition = resources.list("CustomResourceDefinition")[-1]
    assert definition["status"]["conditions"][1]["type"] == "Established"

    Resources(resources.store, Scheme())
    assert definitions(resources) == peerings


def definitions(resources: Resources) -> list[str]:
    return [each["metadata"]["name"] for each in resources.list("CustomResourceDefinition")]


# --- what git declares ---------------------------------------------------------------------------

FROM_GIT = {ORIGIN: "services.yaml:12@3f2a91c"}


@pytest.mark.parametrize("actor", [ADMIN, OPERATOR])
@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"size": 2}},
        {"metadata": {"annotations": {ORIGIN: None}}},
        {"metadata": {"annotations": {ORIGIN: "elsewhere"}}},
    ],
    ids=["spec", "origin-removed", "origin-changed"],
)
def test_clients_do_not_change_what_git_declares(
    resources: Resources, actor: str, patch: JsonObject
) -> None:
    make(resources, annotations=FROM_GIT)

    error = refusal(resources.patch, A, patch, actor=actor)

    assert (error.code, error.reason) == (403, "Forbidden")
    assert "services.yaml:12@3f2a91c" in error.message


@pytest.mark.parametrize(
    "metadata",
    [{"labels": {"a": "b"}}, {"annotations": {"other/a": "b"}}, {"finalizers": ["test/one"]}],
    ids=["label", "annotation", "finalizer"],
)
def test_only_the_operator_writes_other_metadata_of_git_objects(
    resources: Resources, metadata: JsonObject
) -> None:
    make(resources, annotations=FROM_GIT)

    assert refusal(resources.patch, A, {"metadata": metadata}, actor=ADMIN).code == 403
    resources.patch(A, {"metadata": metadata}, actor=OPERATOR)


def test_only_the_operator_writes_the_status_of_git_objects(resources: Resources) -> None:
    make(resources, annotations=FROM_GIT)
    status = {"status": {"phase": "Ready"}}

    error = refusal(resources.patch, A, status, actor=ADMIN, subresource="status")
    assert error.code == 403
    resources.patch(A, status, actor=OPERATOR, subresource="status")


def test_clients_may_ask_through_annotations(resources: Resources) -> None:
    make(resources, annotations=FROM_GIT)

    asked = {"swarmkeeper.dev/requested-at": "now"}
    patched = resources.patch(A, {"metadata": {"annotations": asked}}, actor=ADMIN)

    assert patched["metadata"]["annotations"] == {**FROM_GIT, **asked}


@pytest.mark.parametrize("actor", [ADMIN, OPERATOR])
def test_clients_do_not_delete_what_git_declares(resources: Resources, actor: str) -> None:
    make(resources, annotations=FROM_GIT)

    assert refusal(resources.delete, A, actor=actor).code == 403
    resources.delete(A, actor=PROGRAM)
    assert resources.get(A) is None


def test_clients_do_not_pretend_to_be_git(resources: Resources) -> None:
    error = refusal(resources.create, widget(annotations=FROM_GIT), actor=ADMIN)
    assert error.code == 403

    make(resources)
    patch = {"metadata": {"annotations": FROM_GIT}}
    assert refusal(resources.patch, A, patch, actor=ADMIN).code == 403
    resources.patch(A, patch, actor=PROGRAM)
