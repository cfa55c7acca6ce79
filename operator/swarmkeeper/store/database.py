"""One SQLite file that several tables share: one writer at a time, readers beside it.

Other processes on this machine may write as well; who follows them looks at the file's data version.

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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from swarmkeeper.store.sql import (
    VERSIONS,
    Cursor,
    DatabaseConflict,
    DatabaseError,
    Follower,
    Turn,
    run_migrations,
)

IN_MEMORY: Final = ":memory:"
_BUSY_TIMEOUT: Final = 5.0  # seconds that SQLite waits for a lock of another process
_LOOK: Final = 0.2  # seconds between two looks at whether another process has written
_VERSION: Final = "PRAGMA data_version"  # changes when another connection has committed
_JOURNAL_LIMIT: Final = 64 * 2**20  # bytes of the write-ahead log kept after a checkpoint


class Database:
    """A SQLite database, safe to share between threads.

    Args:
        path: file, made with mode 0600 where there is none; `:memory:` keeps everything in memory.

    Raises:
        DatabaseError: the file can't be opened, or is no database.
    """

    def __init__(self, path: Path | str) -> None:
        self._turn = Turn()
        self._read_lock = threading.Lock()
        self._in_memory = str(path) == IN_MEMORY
        self._path = str(path)
        self.shared = not self._in_memory
        self._stop = threading.Event()
        self._listeners: tuple[Follower, ...] = ()
        self._follower = threading.Thread(target=self._watch, name="store-follower", daemon=True)
        try:
            if not self._in_memory:
                _make_private(Path(path))
            self._writer = _connect(str(path))
            self._reader = self._writer if self._in_memory else _connect(str(path))
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"can't open database {path}: {error}") from error
        with self.write() as cursor:
            cursor.execute(VERSIONS)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """One transaction; see `SqlDatabase.write`.

        Raises:
            DatabaseError: SQLite refused and nothing was written, this thread is in a transaction
                already, or its turn did not come in time.
        """
        with self._turn.taken(), _translated():
            yield from _transaction(self._writer, "BEGIN IMMEDIATE")

    @contextmanager
    def snapshot(self, *, long: bool = False) -> Iterator[sqlite3.Cursor]:
        """Reads several things as they are together; see `SqlDatabase.snapshot`."""
        with self._turn.taken() if self._in_memory else self._read_lock, _translated():
            yield from _transaction(self._reader, "BEGIN")

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed; see `SqlDatabase.read`."""
        with self._turn.taken() if self._in_memory else self._read_lock, _translated():
            return self._reader.execute(sql, params).fetchall()

    def migrate(self, module: str, statements: Sequence[str]) -> None:
        """Brings the tables of one module up to date; see `SqlDatabase.migrate`.

        Raises:
            DatabaseError: a newer version of the program wrote this database.
        """
        with self.write() as cursor:
            run_migrations(cursor, module, statements)

    def announce(self, cursor: Cursor, revision: int) -> None:
        """Nothing: the others look by themselves."""

    def follow(self, listener: Follower) -> None:
        """Calls the listener when other processes may have written; see `SqlDatabase.follow`."""
        self._listeners = (*self._listeners, listener)
        if self.shared and not self._follower.is_alive():
            self._follower.start()

    def damage(self) -> list[str]:
        """What SQLite's own check finds wrong with the file."""
        return [text for (text,) in self.read("PRAGMA integrity_check") if text != "ok"]

    def vacuum(self) -> None:
        """Gives the room of removed rows back."""
        with self._turn.taken(), _translated():
            self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, file: Path) -> None:
        """Writes a whole and consistent copy, while others read and write.

        Raises:
            DatabaseError: the copy can't be written.
        """
        _make_private(file)
        target = sqlite3.connect(file)
        try:
            with self._read_lock, _translated():
                self._reader.backup(target)
        finally:
            target.close()

    def close(self) -> None:
        """Closes the file; waits for a transaction under way."""
        self._stop.set()
        if self._follower.is_alive():
            self._follower.join()
        with self._turn.taken():
            if self._reader is not self._writer:
                with self._read_lock:
                    self._reader.close()
            self._writer.close()

    def _watch(self) -> None:
        connection = _connect(self._path)
        try:
            seen = None
            while not self._stop.wait(_LOOK):
                with suppress(sqlite3.Error, DatabaseError):  # the next look tries again
                    (found,) = connection.execute(_VERSION).fetchone()
                    if found != seen:
                        for listener in self._listeners:
                            listener(None)
                        seen = found
        finally:
            connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    """What sqlite3 raises, as errors of the store."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DatabaseConflict(f"the database refused: {error}") from error
    except sqlite3.Error as error:
        raise DatabaseError(f"the database refused: {error}") from error


def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Cursor]:
    cursor = connection.cursor()
    try:
        cursor.execute(begin)
        yield cursor
        cursor.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.close()


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
