"""One SQLite file that several tables share: one writer at a time, readers beside it.

    database = Database(Path("/var/lib/swarmkeeper/state.db"))
    database.migrate("objects", ["CREATE TABLE objects (...)"])
    with database.write() as cursor:      # one transaction: all of it, or nothing
        cursor.execute("INSERT ...", (...))
    rows = database.read("SELECT ... WHERE name = ?", ("a",))

A write that has returned survives `kill -9` and a power loss: the journal is a write-ahead log and is
synced at every commit (https://www.sqlite.org/pragma.html#pragma_synchronous, FULL).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

IN_MEMORY: Final = ":memory:"
WRITE_TIMEOUT: Final = 30.0
"""Seconds that a writer waits for its turn."""
_BUSY_TIMEOUT: Final = 5.0  # seconds that SQLite waits for a lock of another process
_JOURNAL_LIMIT: Final = 64 * 2**20  # bytes of the write-ahead log kept after a checkpoint


class DatabaseError(Exception):
    """The database can't be used as asked; the message says why."""


class Database:
    """A SQLite database, safe to share between threads.

    Args:
        path: file, made with mode 0600 where there is none; `:memory:` keeps everything in memory.

    Raises:
        DatabaseError: the file can't be opened, or is no database.
    """

    def __init__(self, path: Path | str) -> None:
        self._turn = threading.Lock()
        self._owner: int | None = None
        self._read_lock = threading.Lock()
        self._in_memory = str(path) == IN_MEMORY
        try:
            if not self._in_memory:
                _make_private(Path(path))
            self._writer = _connect(str(path))
            self._reader = self._writer if self._in_memory else _connect(str(path))
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"can't open database {path}: {error}") from error
        with self.write() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS schema_versions "
                "(module TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
            )

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """One transaction: committed at the end of the block, rolled back if the block raises.

        Transactions don't nest: open one, and hand its cursor on.

        Raises:
            DatabaseError: this thread is in a transaction already, or its turn did not come in time.
            sqlite3.Error: SQLite refused; nothing was written.
        """
        if self._owner == threading.get_ident():
            raise DatabaseError("this thread is in a transaction already: pass its cursor on")
        if not self._turn.acquire(timeout=WRITE_TIMEOUT):
            raise DatabaseError(f"no turn to write within {WRITE_TIMEOUT:.0f} s")
        self._owner = threading.get_ident()
        try:
            yield from self._transaction()
        finally:
            self._owner = None
            self._turn.release()

    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._writer.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed (inside a transaction, use its cursor instead).

        Raises:
            sqlite3.Error: SQLite refused.
        """
        with self._turn if self._in_memory else self._read_lock:
            return self._reader.execute(sql, params).fetchall()

    def migrate(self, module: str, statements: Sequence[str]) -> None:
        """Brings the tables of one module up to date: runs the statements that were not run yet.

        Args:
            module: whose tables, e.g. `objects`.
            statements: one SQL statement each, oldest first; only ever append to this list.

        Raises:
            DatabaseError: a newer version of the program wrote this database.
        """
        with self.write() as cursor:
            row = cursor.execute(
                "SELECT version FROM schema_versions WHERE module = ?", (module,)
            ).fetchone()
            version = row[0] if row else 0
            if version > len(statements):
                raise DatabaseError(
                    f"the tables of {module} have version {version}, this program knows "
                    f"{len(statements)}: use the newer program"
                )
            for statement in statements[version:]:
                cursor.execute(statement)
            cursor.execute(
                "INSERT OR REPLACE INTO schema_versions VALUES (?, ?)", (module, len(statements))
            )

    def close(self) -> None:
        """Closes the file; waits for a transaction under way."""
        with self._turn:
            if self._reader is not self._writer:
                with self._read_lock:
                    self._reader.close()
            self._writer.close()


def _make_private(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)  # the journal files take the mode of the database


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT}")
    return connection
