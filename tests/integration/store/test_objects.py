"""Objects by revision: conflicts, replay, compaction, restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desired_state.objects import JsonObject
from swarmkeeper.store.objects import (
    Change,
    ChangeType,
    Key,
    Render,
    RevisionConflict,
    RevisionExpired,
)
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore

pytestmark = pytest.mark.integration
Open = Callable[[], SqlDatabase]

A = Key("Widget", "default", "a")
B = Key("Widget", "other", "b")


def value(text: str) -> Render:
    return lambda revision: orjson.dumps({"revision": revision, "text": text})


@pytest.fixture
def store(database: SqlDatabase) -> SqlObjectStore:
    return SqlObjectStore(database)


def test_a_version_is_read_as_written(store: SqlObjectStore) -> None:
    stored = store.put(A, "uid", value("x"), expected=0)

    assert store.get(A) == stored
    assert stored.load() == {"revision": 1, "text": "x"}
    assert store.get(B) is None


def test_a_list_is_in_order_of_namespace_and_name(store: SqlObjectStore) -> None:
    for namespace, name in [("b", "a"), ("a", "z"), ("a", "b"), ("a-b", "c")]:
        store.put(Key("Widget", namespace, name), "", value(""), expected=0)

    assert [i.key[1:] for i in store.list("Widget").items] == [
        ("a", "b"),
        ("a", "z"),
        ("a-b", "c"),
        ("b", "a"),
    ]
    assert [i.key.name for i in store.list("Widget", "a").items] == ["b", "z"]
    assert store.list("Gadget").items == []


@pytest.mark.parametrize("expected", [0, 7])
def test_another_version_is_a_conflict(store: SqlObjectStore, expected: int) -> None:
    stored = store.put(A, "uid", value("x"), expected=0)

    with pytest.raises(RevisionConflict) as caught:
        store.put(A, "uid", value("y"), expected=expected)

    assert caught.value.current == stored


@pytest.mark.parametrize("expected", [0, 1])
def test_absent_objects_cannot_be_removed(store: SqlObjectStore, expected: int) -> None:
    with pytest.raises(RevisionConflict):
        store.remove(A, value(""), expected=expected)


def test_a_value_that_cannot_be_made_writes_nothing(store: SqlObjectStore) -> None:
    def broken(_: int) -> bytes:
        raise ValueError("no value")

    with pytest.raises(ValueError, match="no value"):
        store.put(A, "uid", broken, expected=0)

    assert (store.get(A), store.revision) == (None, 0)


def test_listeners_hear_commits_in_order(store: SqlObjectStore) -> None:
    heard: list[Change] = []
    stop = store.subscribe(heard.extend)
    first = store.put(A, "uid", value("x"), expected=0)
    store.remove(A, value("x"), expected=first.revision)
    stop()
    store.put(A, "uid", value("y"), expected=0)

    assert [(c.type, c.stored.revision) for c in heard] == [
        (ChangeType.ADDED, 1),
        (ChangeType.DELETED, 2),
    ]
    assert heard[1].old == first.value
    assert store.since(0)[:2] == heard


def test_a_failing_listener_fails_no_write(
    store: SqlObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Sequence[Change]) -> None:
        raise ValueError

    store.subscribe(broken)
    store.put(A, "uid", value("x"), expected=0)

    assert store.get(A) is not None
    assert "listener" in caplog.text


def test_history_below_the_compaction_is_expired(store: SqlObjectStore) -> None:
    for expected in range(5):
        store.put(A, "uid", value(str(expected)), expected=expected)

    assert store.compact(3) == 2
    assert [c.stored.revision for c in store.since(3)] == [4, 5]
    assert store.since(3)[0].old is not None
    for revision in (0, 2, 6):
        with pytest.raises(RevisionExpired):
            store.since(revision)


def test_revisions_never_run_backwards(open_database: Open) -> None:
    store = SqlObjectStore(open_database())
    store.put(A, "uid", value("x"), expected=0)
    store.remove(A, value("x"), expected=1)
    store.compact(99)

    store = SqlObjectStore(open_database())
    assert (store.revision, store.compacted, store.get(A)) == (2, 1, None)
    assert store.put(A, "uid", value("x"), expected=0).revision == 3


def test_threads_lose_no_write(store: SqlObjectStore) -> None:
    heard: list[int] = []
    store.subscribe(lambda changes: heard.extend(c.stored.revision for c in changes))

    def work(thread: int) -> None:
        for number in range(50):
            store.put(Key("Widget", "default", f"{thread}-{number}"), "", value(""), expected=0)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heard == list(range(1, 201))
    assert len(store.list("Widget").items) == 200


def test_writers_that_wait_together_share_a_commit(database: SqlDatabase) -> None:
    store = SqlObjectStore(database)
    commits: list[int] = []
    store.subscribe(lambda changes: commits.append(len(changes)))
    conflicts: list[RevisionConflict] = []

    def work(name: str) -> None:
        try:
            store.put(Key("Widget", "default", name), "", value(name), expected=0)
        except RevisionConflict as conflict:
            conflicts.append(conflict)

    def waiting() -> int:
        return len(store._queue)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c", "c")]
    with database.write():  # holds up the first writer, and with it all others
        for number, thread in enumerate(threads):
            thread.start()
            deadline = time.monotonic() + 10
            while waiting() != number and time.monotonic() < deadline:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)

    assert commits == [1, 2]
    assert len(conflicts) == 1  # the second "c"; it fails nobody else
    assert store.revision == 3


# --- any history -------------------------------------------------------------------------------

KEYS = [Key("Widget", ns, name) for ns in ("a", "b") for name in ("x", "y")]
STEPS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(["put", "remove"]), st.text(max_size=3)),
    max_size=40,
)


def run(store: SqlObjectStore, steps: list[tuple[Key, str, str]]) -> None:
    for key, verb, text in steps:
        current = store.get(key)
        if verb == "put":
            store.put(key, "uid", value(text), expected=current.revision if current else 0)
        elif current:
            store.remove(key, value(text), expected=current.revision)


def state(store: SqlObjectStore) -> dict[Key, JsonObject]:
    return {item.key: item.load() for item in store.list("Widget").items}


def replay(before: dict[Key, JsonObject], changes: Sequence[Change]) -> dict[Key, JsonObject]:
    objects = dict(before)
    for change in changes:
        key = change.stored.key
        if change.type is ChangeType.DELETED:
            del objects[key]  # a deletion of what is not there would raise
        else:
            assert (key in objects) == (change.type is ChangeType.MODIFIED)
            objects[key] = change.stored.load()
    return objects


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=STEPS, after=STEPS, compacted=st.integers(0, 40))
def test_replay_from_any_kept_revision_gives_the_current_state(
    new_store: Callable[[], Open],
    before: list[tuple[Key, str, str]],
    after: list[tuple[Key, str, str]],
    compacted: int,
) -> None:
    database = new_store()()
    store = SqlObjectStore(database)
    run(store, before)
    seen, revision = state(store), store.revision
    run(store, after)
    store.compact(min(compacted, revision))

    assert replay(seen, store.since(revision)) == state(store)
    assert state(SqlObjectStore(database)) == state(store)  # as after a restart
    database.close()
