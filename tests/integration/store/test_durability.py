"""What was acknowledged survives `kill -9`, and the file stays whole."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swarmkeeper.store.database import Database
from swarmkeeper.store.objects import Key
from swarmkeeper.store.sqlite_objects import SqliteObjectStore

pytestmark = pytest.mark.integration

# Four threads write for ever; each write is printed once the store has acknowledged it.
WRITER = """
import os, sys, threading
from pathlib import Path
from swarmkeeper.store.database import Database
from swarmkeeper.store.objects import Key
from swarmkeeper.store.sqlite_objects import SqliteObjectStore

store = SqliteObjectStore(Database(Path(sys.argv[1])))

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


def write_and_kill(path: Path, seconds: float) -> dict[str, int]:
    """The last acknowledged revision of each object."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it is at work
    time.sleep(seconds)
    process.kill()
    printed, _ = process.communicate(timeout=30)
    lines = [line.split() for line in printed.decode().split("\n")[:-1]]
    return {name: int(revision) for name, revision in lines}


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7])
def test_no_acknowledged_write_is_lost(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "state.db"
    newest = 0
    for _ in range(3):  # each run goes on where the one before was killed
        acknowledged = write_and_kill(path, seconds)
        database = Database(path)
        store = SqliteObjectStore(database)
        assert database.read("PRAGMA integrity_check") == [("ok",)]
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


def test_a_reader_beside_the_writer_is_not_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    store = SqliteObjectStore(database)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (0,)

    store.put(Key("Widget", "default", "a"), "uid", lambda _: b"{}", expected=0)

    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (0,)
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM objects").fetchone() == (1,)
    reader.close()
    database.close()
