"""The audit trail as objects of the API: read by everyone, written by nobody."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from support import postgres
from support.api import Api, running_api
from support.trail import act, step
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver import trail as served
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.server import ServerOptions
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.audit import AuditTrail, Entry
from swarmkeeper.store.database import Database
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.sql import SqlDatabase

pytestmark = pytest.mark.integration
PATH = "/apis/swarmkeeper.dev/v1alpha1/auditrecords"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
Open = Callable[[], SqlDatabase]


@pytest.fixture(params=["sqlite", "postgres"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same store, as several operators do."""
    opened: list[SqlDatabase] = []
    if request.param == "postgres":
        if reason := postgres.missing():
            pytest.skip(reason)
        address = request.getfixturevalue("postgres_server").new_database()

    def open_() -> SqlDatabase:
        is_file = request.param == "sqlite"
        database = Database(tmp_path / "state.db") if is_file else PostgresDatabase(address)
        opened.append(database)
        return database

    yield open_
    for database in opened:
        database.close()


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as server:
        yield server


@pytest.fixture
def api(open_database: Open) -> Iterator[Api]:
    options = ServerOptions(bookmark_interval=timedelta(seconds=0.5))
    with running_api(database=open_database(), options=options) as api:
        yield api


@pytest.fixture
def trail(open_database: Open, api: Api) -> AuditTrail:
    """Of another operator than the one that serves the API."""
    del api  # it has made the tables
    return AuditTrail(open_database())


def names(api: Api, **parameters: str) -> list[str]:
    asked = "&".join(f"{key}={value}" for key, value in parameters.items())
    answer = api.ask("GET", f"{PATH}?{asked}")
    assert answer.code == 200, answer.json
    return [item["metadata"]["name"] for item in answer.json["items"]]


def test_an_entry_says_what_the_trail_says(api: Api, trail: AuditTrail) -> None:
    action = act(trail)
    _, record = trail.records()

    found = api.ask("GET", f"{PATH}/2").json

    metadata = found.pop("metadata")
    assert found == {
        "apiVersion": "swarmkeeper.dev/v1alpha1",
        "kind": "AuditRecord",
        "seq": 2,
        "at": record.at,
        "action": action,
        "entry": "Succeeded",
        "object": "SwarmService/web",
        "uid": "u1",
        "generation": 2,
        "revision": "main@sha1:abc",
        "reconcileId": "r1",
        "runbook": "scale",
        "target": "service/web",
        "step": "k1",
        "reason": "spec.replicas is 5, want 3",
        "before": {"spec.replicas": 5},
        "after": {"spec.replicas": 3},
        "revert": "scale",
        "outcome": "scaled to 3",
        "verification": "in sync",
        "previous": next(trail.records()).hash,
        "hash": record.hash,
    }
    assert (metadata["name"], metadata["resourceVersion"]) == ("2", "2")
    assert metadata["creationTimestamp"] == f"{record.at[:19]}Z"
    assert uuid.UUID(metadata["uid"]) == uuid.UUID(
        api.ask("GET", f"{PATH}/2").json["metadata"]["uid"]
    )
    assert metadata["labels"] == {
        "swarmkeeper.dev/kind": "SwarmService",
        "swarmkeeper.dev/namespace": "default",
        "swarmkeeper.dev/name": "web",
        "swarmkeeper.dev/runbook": "scale",
        "swarmkeeper.dev/entry": "Succeeded",
    }


@pytest.mark.parametrize("name", ["1", "0", "01", "x", "9" * 30])
def test_what_no_entry_is_called_is_not_found(api: Api, name: str) -> None:
    answer = api.ask("GET", f"{PATH}/{name}")

    assert (answer.code, answer.json["reason"]) == (404, "NotFound")


def test_an_empty_trail_is_an_empty_list(api: Api) -> None:
    listed = api.ask("GET", PATH).json

    assert (listed["kind"], listed["items"]) == ("AuditRecordList", [])
    assert listed["metadata"] == {"resourceVersion": "0"}


def test_parts_show_the_trail_as_it_was_at_the_first(api: Api, trail: AuditTrail) -> None:
    act(trail)
    act(trail)

    first = api.ask("GET", f"{PATH}?limit=3").json
    act(trail)
    token = first["metadata"]["continue"]
    rest = api.ask("GET", f"{PATH}?limit=3&continue={token}").json

    assert first["metadata"]["remainingItemCount"] == 1
    assert [i["metadata"]["name"] for i in first["items"]] == ["1", "2", "3"]
    assert [i["metadata"]["name"] for i in rest["items"]] == ["4"]
    assert rest["metadata"] == {"resourceVersion": "4"}


def test_entries_are_found_by_labels_and_fields(api: Api, trail: AuditTrail) -> None:
    act(trail)
    act(trail, object="SwarmService/staging/api", uid="u2", runbook="restart")

    assert names(api, labelSelector="swarmkeeper.dev/name%3Dapi") == ["3", "4"]
    assert names(api, labelSelector="swarmkeeper.dev/namespace%3Dstaging") == ["3", "4"]
    assert names(api, labelSelector="swarmkeeper.dev/runbook!%3Dscale") == ["3", "4"]
    assert names(api, labelSelector="swarmkeeper.dev/entry%20in%20(Intended)") == ["1", "3"]
    assert names(api, labelSelector="swarmkeeper.dev/entry%3DSucceeded", limit="1") == ["2"]
    assert names(api, fieldSelector="metadata.name%3D2") == ["2"]
    assert names(api, fieldSelector="metadata.name!%3D2") == ["1", "3", "4"]
    assert names(api, fieldSelector="metadata.name%3D02") == []
    assert names(api, fieldSelector="object%3DSwarmService/staging/api") == ["3", "4"]
    assert names(api, fieldSelector="object%3DSwarmService/api") == []
    assert names(api, fieldSelector="uid%3Du1,entry%3DIntended") == ["1"]
    assert names(api, fieldSelector="entry%3DIntended,entry%3DSucceeded") == []
    assert api.ask("GET", f"{PATH}?fieldSelector=reason%3Dx").code == 400


def test_a_selector_looks_through_more_than_a_page(
    api: Api, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "PAGE", 2)
    for _ in range(3):
        act(trail)
    act(trail, runbook="restart")

    assert names(api, labelSelector="swarmkeeper.dev/runbook%3Drestart") == ["7", "8"]
    assert names(api) == [str(seq) for seq in range(1, 9)]
    with api.watch(f"{PATH}?watch=1&labelSelector=swarmkeeper.dev/runbook%3Drestart") as events:
        assert [e["object"]["metadata"]["name"] for e in islice(events, 2)] == ["7", "8"]


def test_who_takes_no_parts_is_told_to_where_there_is_too_much(
    api: Api, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "MAX_ANSWER", 3)
    act(trail)
    act(trail)

    assert api.ask("GET", PATH).code == 413
    first = api.ask("GET", f"{PATH}?limit=1000").json
    assert len(first["items"]) == 3
    assert first["metadata"]["continue"]


def test_an_exact_version_is_the_trail_as_it_was(api: Api, trail: AuditTrail) -> None:
    act(trail)

    assert names(api, resourceVersionMatch="Exact", resourceVersion="1") == ["1"]
    answer = api.ask("GET", f"{PATH}?resourceVersionMatch=Exact&resourceVersion=3")
    assert (answer.code, answer.json["reason"]) == (410, "Expired")


@pytest.mark.parametrize("token", ["x", "WzEsIiIsIjIiXQ==", "WzEsIiIsIngiXQ=="])
def test_a_token_that_is_none_of_ours_is_refused(api: Api, token: str) -> None:
    assert api.ask("GET", f"{PATH}?continue={token}").code == 400


def test_the_table_tells_what_happened_and_wide_why(api: Api, trail: AuditTrail) -> None:
    action = act(trail)

    table = api.ask("GET", PATH, accept=TABLE).json

    shown = [c["name"] for c in table["columnDefinitions"] if not c["priority"]]
    assert shown == ["Name", "Entry", "Object", "Runbook", "Outcome", "Age"]
    cells = table["rows"][1]["cells"]
    assert cells[:5] == ["2", "Succeeded", "SwarmService/web", "scale", "scaled to 3"]
    assert re.fullmatch(r"\d+s", cells[5])
    assert cells[6:] == [action, "service/web", "spec.replicas is 5, want 3", "in sync"]


def test_a_watch_goes_on_where_the_client_was(api: Api, trail: AuditTrail) -> None:
    act(trail)

    with api.watch(f"{PATH}?watch=true&resourceVersion=1") as events:
        assert next(events)["object"]["metadata"]["name"] == "2"
        act(trail)  # by another operator
        following = list(islice(events, 2))

    assert [(e["type"], e["object"]["metadata"]["name"]) for e in following] == [
        ("ADDED", "3"),
        ("ADDED", "4"),
    ]


def test_a_watch_without_a_version_begins_with_the_first_entry(api: Api, trail: AuditTrail) -> None:
    act(trail)

    with api.watch(f"{PATH}?watch=true") as events:
        assert [e["object"]["metadata"]["name"] for e in islice(events, 2)] == ["1", "2"]


def test_a_watch_hears_of_what_it_selects_and_its_bookmarks_of_all(
    api: Api, trail: AuditTrail
) -> None:
    selector = "fieldSelector=entry%3DSucceeded&allowWatchBookmarks=true"
    with api.watch(f"{PATH}?watch=true&resourceVersion=0&{selector}") as events:
        trail.intend(step())
        marks = (e["object"]["metadata"]["resourceVersion"] for e in events)
        assert next(mark for mark in marks if mark != "0") == "1"
        trail.finish("a", Entry.SUCCEEDED, step(), outcome="done")
        found = next(e for e in events if e["type"] != "BOOKMARK")

    assert (found["type"], found["object"]["metadata"]["name"]) == ("ADDED", "2")


def test_a_watch_of_tables_has_its_headings_once(api: Api, trail: AuditTrail) -> None:
    act(trail)

    with api.watch(f"{PATH}?watch=true", Accept=TABLE) as events:
        first = next(events)["object"]
        assert [row["cells"][0] for row in first["rows"]] == ["1"]
        assert first["columnDefinitions"]
        assert next(events)["object"]["columnDefinitions"] == []


def test_a_watch_from_above_the_newest_is_expired(api: Api, trail: AuditTrail) -> None:
    act(trail)

    with api.watch(f"{PATH}?watch=true&resourceVersion={9 * 10**30}") as events:
        (only,) = events
    assert (only["type"], only["object"]["code"]) == ("ERROR", 410)


def test_a_watch_ends_in_time(api: Api, trail: AuditTrail) -> None:
    act(trail)

    with api.watch(f"{PATH}?watch=true&resourceVersion=2&timeoutSeconds=1") as events:
        assert list(events) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PATH),
        ("DELETE", PATH),
        ("PUT", f"{PATH}/1"),
        ("PATCH", f"{PATH}/1"),
        ("DELETE", f"{PATH}/1"),
    ],
)
def test_nobody_writes(api: Api, trail: AuditTrail, method: str, path: str) -> None:
    act(trail)
    before = list(trail.records())

    answer = api.ask(method, path, {"kind": "AuditRecord", "metadata": {"name": "1"}})

    assert answer.code == 405
    assert (answer.json["kind"], answer.json["reason"]) == ("Status", "MethodNotAllowed")
    assert list(trail.records()) == before


def test_an_entry_that_was_tampered_with_is_told(
    api: Api, trail: AuditTrail, open_database: Open
) -> None:
    act(trail)
    with open_database().write() as cursor:
        cursor.execute("UPDATE audit_trail SET document = ? WHERE seq = 1", (b"{}",))

    for path in (PATH, f"{PATH}/1"):
        answer = api.ask("GET", path)
        assert answer.code == 500
        assert "audit-trail verify" in answer.json["message"]
    with api.watch(f"{PATH}?watch=true") as events:
        (only,) = events
    assert (only["type"], only["object"]["code"]) == ("ERROR", 500)


def test_the_store_holds_no_copy(api: Api, trail: AuditTrail) -> None:
    act(trail)

    assert api.resources.store.list("AuditRecord").items == []
    with pytest.raises(ApiError, match="serves no kind"):
        api.resources.get(ObjectRef("AuditRecord", "1"))


def test_an_entry_as_owner_is_unknown_not_gone(api: Api, trail: AuditTrail) -> None:
    act(trail)
    uid = api.ask("GET", f"{PATH}/1").json["metadata"]["uid"]
    owner = {"apiVersion": "swarmkeeper.dev/v1alpha1", "kind": "AuditRecord", "name": "1"}
    owned = widget("a", ownerReferences=[owner | {"uid": uid}])

    api.resources.create(owned, actor=PROGRAM)
    gone = widget("b", ownerReferences=[owner | {"kind": "Widget", "uid": "gone"}])
    api.resources.create(gone, actor=PROGRAM)

    path = "/apis/swarmkeeper.dev/v1alpha1/namespaces/default/widgets?watch=true"
    with api.watch(path) as events:  # once the other one is collected, this one was looked at too
        assert (
            next(e for e in events if e["type"] == "DELETED")["object"]["metadata"]["name"] == "b"
        )
    assert api.resources.get(ObjectRef("Widget", "a")) is not None
