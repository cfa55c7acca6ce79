"""The database is gone, silent or full: reads go on, writes are refused, and all recovers by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.postgres import PostgresServer, missing, postgres_server

from swarmkeeper.store.audit import AuditTrail, Step
from swarmkeeper.store.database import Database
from swarmkeeper.store.objects import Key, StoreError
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore

pytestmark = pytest.mark.integration

STEP = Step("SwarmService/web", "u", 1, "", "r", "scale", "service/web", "k", "replicas differ")


def put(store: SqlObjectStore, name: str, size: int = 1) -> None:
    text = b"x" * size
    store.put(Key("Widget", "default", name), "u", lambda _: b'{"t": "%s"}' % text, expected=0)


def written(store: SqlObjectStore) -> set[str]:
    return {item.key.name for item in store.list("Widget").items}


def until_it_succeeds(action: Callable[[], object], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            action()
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop and freeze."""
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


def test_a_server_that_is_gone_refuses_writes_and_comes_back(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.new_database())
    store, trail = SqlObjectStore(database), AuditTrail(database)
    put(store, "before")
    own_server.stop()

    assert written(store) == {"before"}
    assert store.since(store.revision) == []
    for _ in range(3):
        with pytest.raises(StoreError, match=r"can't reach Postgres|database refused"):
            put(store, "during")
    with pytest.raises(StoreError):
        trail.intend(STEP)
    own_server.start()

    until_it_succeeds(lambda: put(store, "after"))
    trail.intend(STEP)
    assert (written(store), trail.verify()) == ({"before", "after"}, None)
    database.close()


def test_after_a_restart_of_the_server_the_next_write_succeeds(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.new_database())
    store = SqlObjectStore(database)
    put(store, "before")
    own_server.stop()
    own_server.start()

    put(store, "after")

    assert [change.stored.key.name for change in store.since(0)] == ["before", "after"]
    database.close()


def test_a_server_that_is_silent_fails_the_write_in_time(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.new_database())
    store = SqlObjectStore(database)
    put(store, "before")
    own_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreError):
            put(store, "during")
        assert written(store) == {"before"}
    finally:
        own_server.signal(signal.SIGCONT)

    until_it_succeeds(lambda: put(store, "after"))
    assert written(store) == {"before", "after"}
    database.close()


def test_a_silent_server_that_is_being_read_does_not_hold_up_writers(
    own_server: PostgresServer,
) -> None:
    database = PostgresDatabase(own_server.new_database())
    store = SqlObjectStore(database)
    put(store, "before")
    own_server.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(store.catch_up)  # what the follower does when it hears of a write
            with pytest.raises(StoreError):
                put(store, "during")
            with pytest.raises(StoreError):
                reading.result()
    finally:
        own_server.signal(signal.SIGCONT)

    until_it_succeeds(lambda: put(store, "after"))
    database.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 96 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="swarmkeeper-disk-"))
    options = ("-o", "size=96m,mode=777")
    if subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], check=False).returncode:
        folder.rmdir()
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return ballast
    return ballast


def write_until_it_fails(store: SqlObjectStore) -> set[str]:
    acknowledged: set[str] = set()
    for number in range(2000):
        try:
            put(store, f"w{number}", size=50_000)
        except StoreError:
            return acknowledged
        acknowledged.add(f"w{number}")
    raise AssertionError("the disk never was full")


def full_and_free_again(disk: Path, database: SqlDatabase, restart: Callable[[], None]) -> None:
    store, trail = SqlObjectStore(database), AuditTrail(database)
    trail.intend(STEP)
    ballast = fill(disk)
    acknowledged = write_until_it_fails(store)
    assert written(store) == acknowledged
    ballast.unlink()
    restart()

    until_it_succeeds(lambda: put(store, "after"))
    trail.intend(STEP)
    assert written(store) == acknowledged | {"after"}
    assert database.damage() == []
    assert trail.verify() is None
    assert written(SqlObjectStore(database)) == acknowledged | {"after"}


def test_a_full_disk_refuses_writes_of_sqlite_and_breaks_nothing(small_disk: Path) -> None:
    database = Database(small_disk / "state.db")
    full_and_free_again(small_disk, database, lambda: None)
    database.close()


def test_a_full_disk_refuses_writes_of_postgres_and_breaks_nothing(small_disk: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(small_disk, safe=True) as server:
        database = PostgresDatabase(server.new_database())
        full_and_free_again(small_disk, database, server.start_if_down)
        database.close()
