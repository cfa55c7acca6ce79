"""What our tables need of a database, so that they are written once for SQLite and for Postgres.

Statements use `?` for a value and SQLite's names of types; a database that speaks otherwise
translates them (`dialect`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from swarmkeeper.store.objects import StoreError

WRITE_TIMEOUT: Final = 30.0
"""Seconds that a writer waits for its turn."""
VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_versions "
    "(module TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
)
"""Makes the table that knows which migrations ran."""

Follower = Callable[[int | None], None]
"""Called with a revision that was committed, or None where there may be newer ones."""


class DatabaseError(StoreError):
    """The database can't be used as asked; the message says why."""


class DatabaseConflict(DatabaseError):  # noqa: N818 - says what it is
    """A row is there already: someone else writes to these tables."""


class Cursor(Protocol):
    """Runs statements, one after the other, in one transaction."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement touched."""
        ...

    @property
    def description(self) -> Any:
        """The columns of the last query; the name comes first in each."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Runs one statement."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one by one."""
        ...


class SqlDatabase(Protocol):
    """A database that several tables share. Safe to share between threads.

    All methods raise DatabaseError where the database refuses or can't be reached.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes may write as well."""
        ...

    def write(self) -> AbstractContextManager[Cursor]:
        """One transaction, alone among all writers.

        It is committed at the end of the block, and rolled back if the block raises. Transactions
        don't nest: open one, and hand its cursor on.
        """
        ...

    def snapshot(self, *, long: bool = False) -> AbstractContextManager[Cursor]:
        """Reads several things as they are together at one moment.

        Args:
            long: whether it may take its time, for who reads all there is and nobody waits for.
        """
        ...

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed (inside a transaction, use its cursor instead)."""
        ...

    def migrate(self, module: str, statements: Sequence[str]) -> None:
        """Brings the tables of one module up to date: runs the statements that were not run yet.

        Args:
            module: whose tables, e.g. `objects`.
            statements: one SQL statement each, oldest first; only ever append to this list.
        """
        ...

    def announce(self, cursor: Cursor, revision: int) -> None:
        """Tells other processes, with the commit, that there is a newer revision."""
        ...

    def follow(self, listener: Follower) -> None:
        """Calls the listener, on another thread, when other processes may have written."""
        ...

    def damage(self) -> list[str]:
        """What the database's own check finds wrong with its files."""
        ...

    def vacuum(self) -> None:
        """Gives the room of removed rows back."""
        ...

    def close(self) -> None:
        """Lets go of the database; waits for a transaction under way."""
        ...


class Turn:
    """One writer at a time among the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for the turn, and holds it during the block.

        Raises:
            DatabaseError: this thread has it already, or it did not come in time.
        """
        if self._owner == threading.get_ident():
            raise DatabaseError("this thread is in a transaction already: pass its cursor on")
        if not self._lock.acquire(timeout=WRITE_TIMEOUT):
            raise DatabaseError(f"no turn to write within {WRITE_TIMEOUT:.0f} s")
        self._owner = threading.get_ident()
        try:
            yield
        finally:
            self._owner = None
            self._lock.release()


def run_migrations(cursor: Cursor, module: str, statements: Sequence[str]) -> None:
    """The migrations of one module, in the transaction of a cursor; see `SqlDatabase.migrate`."""
    row = cursor.execute(
        "SELECT version FROM schema_versions WHERE module = ?", (module,)
    ).fetchone()
    version = row[0] if row else 0
    if version == len(statements):
        return
    if version > len(statements):
        raise DatabaseError(
            f"the tables of {module} have version {version}, this program knows "
            f"{len(statements)}: use the newer program"
        )
    for statement in statements[version:]:
        cursor.execute(statement)
    cursor.execute(
        "INSERT INTO schema_versions VALUES (?, ?)"
        " ON CONFLICT (module) DO UPDATE SET version = excluded.version",
        (module, len(statements)),
    )
