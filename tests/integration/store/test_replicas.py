"""Several operators on one store: all see all writes, in one order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import PostgresServer

from swarmkeeper.store.objects import Change, ChangeType, Key, Listener, Render, StoreError
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.postgres_link import Address
from swarmkeeper.store.sql import Follower
from swarmkeeper.store.sql_objects import SqlObjectStore

pytestmark = pytest.mark.integration

A = Key("Widget", "default", "a")
B = Key("Widget", "default", "b")
C = Key("Widget", "default", "c")


class Deaf(PostgresDatabase):
    """Hears of nothing; as a replica that was cut off."""

    def follow(self, listener: Follower) -> None:
        pass


def value(text: str) -> Render:
    return lambda revision: b'{"revision": %d, "text": "%s"}' % (revision, text.encode())


def noting(revisions: list[int]) -> Listener:
    return lambda changes: revisions.extend(change.stored.revision for change in changes)


def eventually(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()


@pytest.fixture
def address(server: PostgresServer) -> Address:
    return server.new_database()


@pytest.fixture
def replicas(address: Address) -> Iterator[tuple[SqlObjectStore, SqlObjectStore]]:
    databases = PostgresDatabase(address), PostgresDatabase(address)
    yield SqlObjectStore(databases[0]), SqlObjectStore(databases[1])
    for database in databases:
        database.close()


def test_a_write_reaches_the_index_and_the_listeners_of_the_others(
    replicas: tuple[SqlObjectStore, SqlObjectStore],
) -> None:
    one, two = replicas
    heard: list[Change] = []
    two.subscribe(heard.extend)

    first = one.put(A, "uid", value("x"), expected=0)
    assert eventually(lambda: two.get(A) == first)
    second = two.put(A, "uid", value("y"), expected=first.revision)

    assert eventually(lambda: one.get(A) == second)
    assert [(change.type, change.stored) for change in heard] == [
        (ChangeType.ADDED, first),
        (ChangeType.MODIFIED, second),
    ]


def test_all_replicas_hear_all_revisions_in_order(
    replicas: tuple[SqlObjectStore, SqlObjectStore],
) -> None:
    heard: tuple[list[int], list[int]] = ([], [])
    for store, revisions in zip(replicas, heard, strict=True):
        store.subscribe(noting(revisions))

    def work(store: SqlObjectStore, name: str) -> None:
        for number in range(40):
            store.put(Key("Widget", name, str(number)), "", value(""), expected=0)

    threads = [
        threading.Thread(target=work, args=(store, f"{n}-{side}"))
        for n in range(2)
        for side, store in enumerate(replicas)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert eventually(lambda: len(heard[0]) == len(heard[1]) == 160)
    assert heard[0] == heard[1] == list(range(1, 161))


def test_a_replica_that_was_away_beyond_the_history_learns_what_changed(
    replicas: tuple[SqlObjectStore, SqlObjectStore], address: Address
) -> None:
    one, _ = replicas
    for key in (A, B):
        one.put(key, "uid", value("old"), expected=0)
    database = Deaf(address)
    away = SqlObjectStore(database)
    heard: list[Change] = []
    away.subscribe(heard.extend)
    one.remove(A, value("gone"), expected=1)
    one.put(B, "uid", value("new"), expected=2)
    for expected in range(4, 8):
        one.put(C, "uid", value("c"), expected=0 if expected == 4 else expected)
    one.compact(7)

    away.put(Key("Widget", "default", "d"), "uid", value("d"), expected=0)

    assert [i.key.name for i in away.list("Widget").items] == ["b", "c", "d"]
    assert [(change.type, change.stored.key.name) for change in heard] == [
        (ChangeType.MODIFIED, "b"),
        (ChangeType.ADDED, "c"),
        (ChangeType.DELETED, "a"),
        (ChangeType.ADDED, "d"),
    ]
    database.close()


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(StoreError, match="put it into a file") as caught:
        PostgresDatabase(Address("postgresql://u:pl4nted@localhost/db"))

    assert "pl4nted" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_password_from_a_file_is_in_no_error(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("pl4nted\n")
    address = Address(f"postgresql://u@/db?host={tmp_path}", file)

    with pytest.raises(StoreError, match="can't reach Postgres") as caught:
        PostgresDatabase(address)

    assert "pl4nted" not in f"{address!r} {caught.value!r} {caught.value.__cause__!r}"
