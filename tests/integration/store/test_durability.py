"""What was acknowledged survives `kill -9`, of the writer and of the server, and all stays whole."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import PostgresServer, missing, postgres_server

from swarmkeeper.store.database import Database
from swarmkeeper.store.objects import Key
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.postgres_link import Address
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore

pytestmark = pytest.mark.integration

# Four threads write for ever; each write is printed once the store has acknowledged it.
WRITER = """
import os, sys, threading
from pathlib import Path
from swarmkeeper.store.database import Database
from swarmkeeper.store.objects import Key
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.postgres_link import Address
from swarmkeeper.store.sql_objects import SqlObjectStore

place = sys.argv[1]
url = place.startswith("postgresql:")
store = SqlObjectStore(PostgresDatabase(Address(place)) if url else Database(Path(place)))

def work(thread):
    key = Key("Widget", "default", f"w{thread}")
    while True:
        current = store.get(key)
        expected = current.revision if current else 0
        stored = store.put(key, "uid", lambda r: b'{"revision": %d}' % r, expected=expected)
        os.write(1, b"%s %d\\n" % (key.name.encode(), stored.revision))
        if stored.revision % 50 == 0:
            store.compact(stored.revision - 20)

threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[thread.start() for thread in threads]
"""


def write_and_kill(place: str, seconds: float, kill: Callable[[], None] | None) -> dict[str, int]:
    """The last acknowledged revision of each object."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()  # it is at work
    time.sleep(seconds)
    if kill is not None:
        kill()
    process.kill()
    printed, _ = process.communicate(timeout=30)
    lines = [line.split() for line in printed.decode().split("\n")[:-1]]
    return {name: int(revision) for name, revision in lines}


def nothing_is_lost(
    place: str, open_: Callable[[], SqlDatabase], kill: Callable[[], None] | None = None
) -> None:
    newest = 0
    for seconds in (0.05, 0.3, 0.7):  # each run goes on where the one before was killed
        acknowledged = write_and_kill(place, seconds, kill)
        database = open_()
        store = SqlObjectStore(database)
        assert database.damage() == []
        assert store.revision >= max(acknowledged.values(), default=0) >= newest
        for name, revision in acknowledged.items():
            stored = store.get(Key("Widget", "default", name))
            assert stored is not None
            assert stored.revision >= revision
            assert stored.load() == {"revision": stored.revision}
        newest = store.revision
        store.compact(newest)
        assert [change.stored.revision for change in store.since(newest - 1)] == [newest]
        database.close()


@pytest.fixture(scope="module")
def safe_server() -> Iterator[PostgresServer]:
    """A server that syncs commits, as real ones do."""
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(safe=True) as server:
        yield server


def test_a_killed_writer_loses_nothing_in_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    nothing_is_lost(str(path), lambda: Database(path))


@pytest.mark.parametrize("victim", ["writer", "server"])
def test_a_kill_loses_nothing_in_postgres(safe_server: PostgresServer, victim: str) -> None:
    address = safe_server.new_database()
    nothing_is_lost(
        address.url,
        lambda: _open(safe_server, address),
        safe_server.kill if victim == "server" else None,
    )


def _open(server: PostgresServer, address: Address) -> PostgresDatabase:
    server.start_if_down()
    return PostgresDatabase(address)


def test_a_reader_beside_the_writer_is_not_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    store = SqlObjectStore(database)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (0,)

    store.put(Key("Widget", "default", "a"), "uid", lambda _: b"{}", expected=0)

    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (0,)
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (1,)
    reader.close()
    database.close()
