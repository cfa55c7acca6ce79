"""The API as any client sees it, request by request."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.api import Api, running_api
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM

pytestmark = pytest.mark.integration

GROUP = "/apis/swarmkeeper.dev/v1alpha1"
WIDGETS = f"{GROUP}/namespaces/default/widgets"
A = f"{WIDGETS}/a"
EVENTS = "/api/v1/namespaces/default/events"
MERGE = "application/merge-patch+json"
OPERATIONS = "application/json-patch+json"
BY = "fieldManager=tests"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def server() -> Iterator[Api]:
    with running_api() as api:
        yield api


@pytest.fixture
def api(server: Api) -> Api:
    server.clear()
    return server


def make(api: Api, name: str = "a", **metadata: Any) -> Any:
    answer = api.ask("POST", WIDGETS, widget(name, **metadata))
    assert answer.code == 201, answer.body
    return answer.json


def names(answer: Any) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json["items"]]


# --- objects ---------------------------------------------------------------------------------------


def test_an_object_is_created_read_and_deleted(api: Api) -> None:
    created = make(api)

    assert api.ask("GET", A).json == created
    deleted = api.ask("DELETE", A, {"propagationPolicy": "Background"}).json
    assert (deleted["status"], deleted["details"]["uid"]) == ("Success", created["metadata"]["uid"])
    assert api.ask("GET", A).json["reason"] == "NotFound"


def test_a_deletion_that_finalizers_hold_gives_the_object(api: Api) -> None:
    make(api, finalizers=["test/one"])

    assert "deletionTimestamp" in api.ask("DELETE", A).json["metadata"]
    api.ask("PATCH", A, {"metadata": {"finalizers": None}}, content_type=MERGE)
    assert api.ask("GET", A).code == 404


@pytest.mark.parametrize(
    ("preconditions", "code"),
    [({"uid": "another"}, 409), ({"resourceVersion": "1"}, 409), ({}, 200)],
    ids=["uid", "version", "none"],
)
def test_deletions_have_preconditions(api: Api, preconditions: Any, code: int) -> None:
    make(api)

    assert api.ask("DELETE", A, {"preconditions": preconditions}).code == code


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "code", "reason"),
    [
        ("POST", WIDGETS, widget(size=-1), "application/json", 422, "Invalid"),
        ("POST", WIDGETS, b"{", "application/json", 400, "BadRequest"),
        ("POST", WIDGETS, [], "application/json", 400, "BadRequest"),
        ("POST", WIDGETS, b"[" * 5000, "application/json", 400, "BadRequest"),
        ("POST", WIDGETS, widget() | {"kind": "Gadget"}, "application/json", 400, "BadRequest"),
        ("POST", WIDGETS, widget(namespace="b"), "application/json", 400, "BadRequest"),
        ("POST", f"{GROUP}/widgets", widget(), "application/json", 400, "BadRequest"),
        (
            "POST",
            WIDGETS,
            b"k8s\0",
            "application/vnd.kubernetes.protobuf",
            415,
            "UnsupportedMediaType",
        ),
        (
            "POST",
            "/api/v1/namespaces",
            b"k8s\0\xff\xff",
            "application/vnd.kubernetes.protobuf",
            400,
            "BadRequest",
        ),
        ("POST", WIDGETS, b" " * 4 * 2**20, "application/json", 413, "RequestEntityTooLarge"),
        ("POST", f"{WIDGETS}?dryRun=Some", widget(), "application/json", 400, "BadRequest"),
        ("PUT", A, widget(), "application/json", 422, "Invalid"),
        ("PATCH", A, {}, MERGE, 404, "NotFound"),
        ("PATCH", A, {}, "application/strategic-merge-patch+json", 415, "UnsupportedMediaType"),
        ("PATCH", A, b"a: b", "application/apply-patch+yaml", 422, "Invalid"),
        ("PATCH", f"{A}?{BY}", b"a: b", "application/apply-patch+yaml", 400, "BadRequest"),
        ("PATCH", f"{A}?{BY}", b"a: [", "application/apply-patch+yaml", 400, "BadRequest"),
        ("PATCH", f"{A}?{BY}", b"\xff", "application/apply-patch+yaml", 400, "BadRequest"),
        ("PATCH", f"{A}?{BY}", widget("b"), "application/apply-patch+yaml", 400, "BadRequest"),
        (
            "PATCH",
            f"{A}/status?{BY}",
            widget(),
            "application/apply-patch+yaml",
            415,
            "UnsupportedMediaType",
        ),
        ("DELETE", f"{A}/status", None, "application/json", 405, "MethodNotAllowed"),
        ("PUT", WIDGETS, widget(), "application/json", 405, "MethodNotAllowed"),
        ("GET", f"{A}/log", None, "application/json", 404, "NotFound"),
        ("GET", f"{GROUP}/gadgets", None, "application/json", 404, "NotFound"),
        ("GET", f"{WIDGETS}?labelSelector=a%3D%3D%3D", None, "application/json", 400, "BadRequest"),
        (
            "GET",
            f"{WIDGETS}?fieldSelector=spec.size%3D1",
            None,
            "application/json",
            400,
            "BadRequest",
        ),
        ("GET", f"{WIDGETS}?continue=x", None, "application/json", 400, "BadRequest"),
        (
            "GET",
            f"{WIDGETS}?watch=1&resourceVersion=x",
            None,
            "application/json",
            400,
            "BadRequest",
        ),
        ("GET", f"{WIDGETS}?watch=1&sendInitialEvents=true", None, "", 422, "Invalid"),
        (
            "DELETE",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.swarmkeeper.dev",
            None,
            "application/json",
            405,
            "MethodNotAllowed",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str | int) else "",
)
def test_refusals_are_statuses(  # noqa: PLR0917
    api: Api, method: str, path: str, body: Any, content_type: str, code: int, reason: str
) -> None:
    answer = api.ask(method, path, body, content_type=content_type)

    status = answer.json
    assert (answer.code, status["reason"], status["code"]) == (code, reason, code)
    assert (status["kind"], status["status"]) == ("Status", "Failure")


def test_an_invalid_object_names_field_kind_and_name(api: Api) -> None:
    details = api.ask("POST", WIDGETS, widget("b", size=-1)).json["details"]

    assert details["causes"][0]["field"] == "spec.size"
    assert (details["group"], details["kind"], details["name"]) == (
        "swarmkeeper.dev",
        "Widget",
        "b",
    )


def test_a_try_writes_nothing(api: Api) -> None:
    assert api.ask("POST", f"{WIDGETS}?dryRun=All", widget()).code == 201
    assert api.ask("GET", A).code == 404

    make(api)
    patch = {"spec": {"size": 2}}
    tried = api.ask("PATCH", f"{A}?dryRun=All", patch, content_type=MERGE)
    assert tried.json["spec"]["size"] == 2
    assert api.ask("DELETE", A, {"dryRun": ["All"]}).code == 200
    assert api.ask("GET", A).json["spec"]["size"] == 1


def test_a_put_needs_the_version_it_saw(api: Api) -> None:
    created = make(api)
    created["spec"]["size"] = 2

    replaced = api.ask("PUT", A, created)
    assert (replaced.code, replaced.json["metadata"]["generation"]) == (200, 2)
    assert api.ask("PUT", A, created).json["reason"] == "Conflict"


def test_a_json_patch_tests_the_version(api: Api) -> None:
    version = make(api)["metadata"]["resourceVersion"]
    add = {"op": "add", "path": "/metadata/finalizers", "value": ["test/one"]}

    def patch(seen: str) -> int:
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": seen}
        return api.ask("PATCH", A, [test, add], content_type=OPERATIONS).code

    assert patch("1") == 422
    assert patch(version) == 200
    assert api.ask("GET", A).json["metadata"]["finalizers"] == ["test/one"]


def test_the_status_has_its_own_address(api: Api) -> None:
    make(api)
    both = {"spec": {"size": 9}, "status": {"phase": "Ready"}}

    main = api.ask("PATCH", A, both, content_type=MERGE).json
    assert (main["spec"]["size"], "status" in main) == (9, False)
    both["spec"] = {"size": 5}
    status = api.ask("PATCH", f"{A}/status", both, content_type=MERGE).json
    assert (status["spec"]["size"], status["status"]) == (9, {"phase": "Ready"})
    assert api.ask("GET", f"{A}/status").json == status

    status["status"] = {"phase": "Failed"}
    assert api.ask("PUT", f"{A}/status", status).json["status"] == {"phase": "Failed"}


def test_git_objects_are_read_only_naming_the_file(api: Api) -> None:
    origin = {ORIGIN: "services.yaml:12@3f2a91c"}
    api.resources.create(widget(annotations=origin), actor=PROGRAM)

    answer = api.ask("PATCH", A, {"spec": {"size": 2}}, content_type=MERGE)
    assert (answer.code, answer.json["reason"]) == (403, "Forbidden")
    assert "services.yaml:12@3f2a91c" in answer.json["message"]
    assert api.ask("DELETE", A).code == 403
    status = {"status": {"phase": "Ready"}}
    admin = api.ask("PATCH", f"{A}/status", status, content_type=MERGE)
    operator = api.ask(
        "PATCH", f"{A}/status", status, content_type=MERGE, token=api.tokens.operator
    )
    assert (admin.code, operator.code) == (403, 200)


def test_racing_patches_are_all_applied(api: Api) -> None:
    make(api)

    def patch(number: int) -> int:
        change = {"spec": {"env": {f"K{number}": "x"}}}
        return api.ask("PATCH", A, change, content_type=MERGE).code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(patch, range(40))) == {200}
    assert len(api.ask("GET", A).json["spec"]["env"]) == 40


# --- lists -----------------------------------------------------------------------------------------


def test_lists_are_selected(api: Api) -> None:
    make(api, "a", labels={"tier": "x"})
    make(api, "b", labels={"tier": "y"})
    api.resources.create(widget("c", namespace="other"), actor=PROGRAM)

    def select(**query: str) -> list[str]:
        text = "&".join(f"{key}={value}" for key, value in query.items())
        return names(api.ask("GET", f"{GROUP}/widgets?{text}"))

    assert select() == ["a", "b", "c"]
    assert select(labelSelector="tier+in+(x,z)") == ["a"]
    assert select(labelSelector="tier!%3Dx") == ["b", "c"]
    assert select(labelSelector="!tier") == ["c"]
    assert select(fieldSelector="metadata.name%3Db") == ["b"]
    assert select(fieldSelector="metadata.namespace%3Dother") == ["c"]
    assert names(api.ask("GET", WIDGETS)) == ["a", "b"]


@pytest.mark.parametrize("selector", ["", "&labelSelector=tier"], ids=["all", "selected"])
def test_long_lists_come_in_parts(api: Api, selector: str) -> None:
    for number in range(5):
        make(api, f"w{number}", labels={"tier": "x"})
    found, token, parts = [], "", 0
    while parts == 0 or token:
        answer = api.ask("GET", f"{WIDGETS}?limit=2{selector}&continue={token}")
        found += names(answer)
        token = answer.json["metadata"].get("continue", "")
        parts += 1

    assert (found, parts) == ([f"w{n}" for n in range(5)], 3)


def test_collections_are_deleted_by_selector(api: Api) -> None:
    make(api, "a", labels={"tier": "x"})
    make(api, "b")

    assert api.ask("DELETE", f"{WIDGETS}?labelSelector=tier%3Dx").json["status"] == "Success"
    assert names(api.ask("GET", WIDGETS)) == ["b"]


def test_tables_have_the_columns_of_the_kind(api: Api) -> None:
    make(api)
    ready = {"type": "Ready", "status": "True", "message": "all is well"}
    api.resources.patch(
        ObjectRef("Widget", "a"),
        {"status": {"conditions": [ready]}},
        actor=PROGRAM,
        subresource="status",
    )

    table = api.ask("GET", WIDGETS, accept=TABLE).json

    headings = [c["name"] for c in table["columnDefinitions"]]
    assert headings == ["Name", "Size", "Ready", "Status", "Age", "Env"]
    assert table["rows"][0]["cells"][:4] == ["a", 1, "True", "all is well"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


# --- events ----------------------------------------------------------------------------------------


def test_events_are_served_in_both_shapes(api: Api) -> None:
    event = {
        "metadata": {"generateName": "a-"},
        "involvedObject": {"kind": "Widget", "name": "a", "namespace": "default"},
        "reason": "Grown",
        "message": "from 1 to 2",
        "type": "Normal",
        "lastTimestamp": "2025-01-01T00:00:00Z",
    }
    created = api.ask("POST", EVENTS, event)
    assert (created.code, created.json["kind"]) == (201, "Event")

    newer = api.ask("GET", "/apis/events.k8s.io/v1/namespaces/default/events").json["items"][0]
    assert (newer["note"], newer["regarding"]["name"]) == ("from 1 to 2", "a")
    assert newer["apiVersion"] == "events.k8s.io/v1"
    selector = "fieldSelector=involvedObject.name%3Da,involvedObject.kind%3DWidget,type!%3DWarning"
    assert len(api.ask("GET", f"/api/v1/events?{selector}").json["items"]) == 1
    assert api.ask("GET", "/api/v1/events?fieldSelector=reason%3DOther").json["items"] == []


def test_events_of_the_newer_shape_are_taken(api: Api) -> None:
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "a.1"},
        "regarding": {"kind": "Widget", "name": "a"},
        "note": "hello",
    }
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    assert api.ask("POST", path, event).json["note"] == "hello"
    patched = api.ask("PATCH", f"{path}/a.1", {"note": "again"}, content_type=MERGE)
    assert patched.json["note"] == "again"

    assert api.ask("GET", f"{EVENTS}/a.1").json["message"] == "again"


def test_reviews_are_answered(api: Api) -> None:
    who = api.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    may = api.ask(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/x"}}},
    )

    assert who.json["status"]["userInfo"]["username"] == "swarmkeeper:admin"
    assert (may.code, may.json["status"]["allowed"]) == (201, True)
    assert may.json["spec"] == {"nonResourceAttributes": {"verb": "get", "path": "/x"}}
