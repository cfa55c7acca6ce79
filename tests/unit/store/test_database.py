"""The shared SQLite file: transactions, migrations, modes."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.sql import DatabaseError

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)"


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "state.db" if request.param == "file" else IN_MEMORY
    database = Database(path)
    database.migrate("t", [TABLE])
    yield database
    database.close()


def test_what_was_written_is_read(database: Database) -> None:
    with database.write() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'a')")

    assert database.read("SELECT text FROM t WHERE id = ?", (1,)) == [("a",)]


def _fail(database: Database) -> None:
    with database.write() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'a')")
        raise ValueError


def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    with pytest.raises(ValueError):
        _fail(database)

    assert database.read("SELECT * FROM t") == []


def test_a_transaction_within_a_transaction_is_refused(database: Database) -> None:
    with (
        pytest.raises(DatabaseError, match="in a transaction already"),
        database.write(),
        database.write(),
    ):
        pass

    with database.write() as cursor:  # and the lock is free again
        cursor.execute("INSERT INTO t VALUES (1, 'a')")


def test_threads_write_one_after_the_other(database: Database) -> None:
    def work() -> None:
        for _ in range(50):
            with database.write() as cursor:
                (count,) = cursor.execute("SELECT count(*) FROM t").fetchone()
                cursor.execute("INSERT INTO t VALUES (?, '')", (count,))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert database.read("SELECT count(*), max(id) FROM t") == [(200, 199)]


def test_migrations_run_once_and_in_order(database: Database) -> None:
    steps = [TABLE, "ALTER TABLE t ADD COLUMN more TEXT"]
    database.migrate("t", steps)
    database.migrate("t", steps)

    assert [row[1] for row in database.read("PRAGMA table_info(t)")] == ["id", "text", "more"]


def test_a_newer_schema_is_refused(database: Database) -> None:
    with pytest.raises(DatabaseError, match="use the newer program"):
        database.migrate("t", [])


def test_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    database = Database(path)
    try:
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        database.close()

    assert set(modes.values()) == {0o600}, modes


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("something else, and long enough to be looked at by SQLite " * 20)

    with pytest.raises(DatabaseError, match=r"state\.db"):
        Database(path)
