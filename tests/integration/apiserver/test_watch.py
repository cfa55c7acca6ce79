"""Watches: what happened since, what happens, and what is no longer known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from itertools import islice
from typing import Any

import pytest
from support.api import Api, running_api
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.server import ServerOptions

pytestmark = pytest.mark.integration

GROUP = "/apis/swarmkeeper.dev/v1alpha1"
WATCH = f"{GROUP}/widgets?watch=true"


@pytest.fixture(scope="module")
def server() -> Iterator[Api]:
    with running_api(options=ServerOptions(bookmark_interval=timedelta(seconds=0.2))) as api:
        yield api


@pytest.fixture
def api(server: Api) -> Api:
    server.clear()
    return server


def make(api: Api, name: str, **metadata: Any) -> Any:
    return api.resources.create(widget(name, **metadata), actor=PROGRAM)


def patch(api: Api, name: str, change: Any) -> Any:
    return api.resources.patch(ObjectRef("Widget", name), change, actor=PROGRAM)


def remove(api: Api, name: str) -> None:
    api.resources.delete(ObjectRef("Widget", name), actor=PROGRAM)


def take(events: Iterator[Any], count: int) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"]["name"]) for e in islice(events, count)]


def test_a_watch_without_a_version_begins_with_what_is_there(api: Api) -> None:
    make(api, "a")

    with api.watch(WATCH) as events:
        assert take(events, 1) == [("ADDED", "a")]
        make(api, "b")
        patch(api, "b", {"spec": {"size": 2}})
        remove(api, "a")
        assert take(events, 3) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


def test_a_watch_resumes_where_it_was(api: Api) -> None:
    seen = make(api, "a")["metadata"]["resourceVersion"]
    make(api, "b")
    remove(api, "a")

    with api.watch(f"{WATCH}&resourceVersion={seen}") as events:
        assert take(events, 2) == [("ADDED", "b"), ("DELETED", "a")]
        make(api, "c")
        assert take(events, 1) == [("ADDED", "c")]


def test_events_carry_the_object_of_their_version(api: Api) -> None:
    seen = make(api, "a")["metadata"]["resourceVersion"]
    patched = patch(api, "a", {"spec": {"size": 2}})
    patch(api, "a", {"spec": {"size": 3}})

    with api.watch(f"{WATCH}&resourceVersion={seen}") as events:
        assert next(events)["object"] == patched
        assert next(events)["object"]["spec"]["size"] == 3


@pytest.mark.parametrize("version", ["1", "999999999"], ids=["compacted", "future"])
def test_a_version_that_is_not_known_is_expired(api: Api, version: str) -> None:
    make(api, "a")
    make(api, "b")
    api.resources.store.compact(api.resources.store.revision)

    with api.watch(f"{WATCH}&resourceVersion={version}") as events:
        (event,) = events

    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_a_selector_turns_changes_into_additions_and_deletions(api: Api) -> None:
    # From a version on: a watch of "now" may begin after the first of these changes.
    now = api.resources.store.revision
    with api.watch(f"{WATCH}&labelSelector=tier%3Dx&resourceVersion={now}") as events:
        make(api, "a")
        patch(api, "a", {"metadata": {"labels": {"tier": "x"}}})
        patch(api, "a", {"spec": {"size": 2}})
        patch(api, "a", {"metadata": {"labels": {"tier": "y"}}})
        remove(api, "a")
        make(api, "b", labels={"tier": "x"})
        remove(api, "b")
        assert take(events, 5) == [
            ("ADDED", "a"),
            ("MODIFIED", "a"),
            ("DELETED", "a"),
            ("ADDED", "b"),
            ("DELETED", "b"),
        ]


@pytest.mark.parametrize(
    "path",
    [f"{WATCH}&fieldSelector=metadata.name%3Db", f"{GROUP}/namespaces/other/widgets?watch=1"],
    ids=["name", "namespace"],
)
def test_others_are_not_told(api: Api, path: str) -> None:
    with api.watch(path) as events:
        make(api, "a")
        make(api, "b", namespace="other")
        assert take(events, 1) == [("ADDED", "b")]


def test_silence_is_broken_by_bookmarks_that_others_changes_move_on(api: Api) -> None:
    seen = api.resources.store.revision
    with api.watch(f"{WATCH}&allowWatchBookmarks=true&resourceVersion={seen}") as events:
        body = {"kind": "Event", "metadata": {"name": "e"}, "involvedObject": {}}
        api.resources.create(body, actor=PROGRAM)
        marks = [next(events) for _ in range(2)]

    assert [mark["type"] for mark in marks] == ["BOOKMARK", "BOOKMARK"]
    assert marks[1]["object"]["kind"] == "Widget"
    assert int(marks[1]["object"]["metadata"]["resourceVersion"]) == seen + 1


def test_a_watch_ends_in_time(api: Api) -> None:
    started = time.monotonic()

    with api.watch(f"{WATCH}&timeoutSeconds=1") as events:
        assert list(events) == []

    assert time.monotonic() - started > 0.9


def test_tables_are_watched_with_headings_once(api: Api) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    with api.watch(WATCH, Accept=accept) as events:
        make(api, "a")
        make(api, "b")
        first, second = next(events)["object"], next(events)["object"]

    assert first["columnDefinitions"][0]["name"] == "Name"
    assert second["columnDefinitions"] == []
    assert second["rows"][0]["cells"][0] == "b"


def test_events_are_watched_in_their_newer_shape(api: Api) -> None:
    with api.watch("/apis/events.k8s.io/v1/events?watch=1") as events:
        body = {"kind": "Event", "metadata": {"name": "e"}, "message": "x", "involvedObject": {}}
        api.resources.create(body, actor=PROGRAM)
        assert next(events)["object"]["note"] == "x"


def test_stopping_ends_the_watches() -> None:
    with running_api() as api:
        connection: HTTPConnection = api.connect()
        headers = {"Authorization": f"Bearer {api.tokens.admin}"}
        connection.request("GET", WATCH, headers=headers)
        response = connection.getresponse()

    assert response.read() == b""
    connection.close()
