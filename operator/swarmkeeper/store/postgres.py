"""Postgres as the database of the store: for several operators, and for who has one anyway.

Writers of all processes take turns by an advisory lock that ends with the transaction, after its rows
are visible: so the order of revisions is the order of commits, and nobody misses a row. NOTIFY tells
the other processes that there is something to read.

Nothing waits for ever. A server that is gone or silent fails the write or the query in hand; each
connection is made again when it is used next, at most every few seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import psycopg

from swarmkeeper.store.dialect import for_postgres, values
from swarmkeeper.store.postgres_link import ANSWER_TIMEOUT, Address, Connection, Link, tell
from swarmkeeper.store.sql import (
    VERSIONS,
    DatabaseConflict,
    DatabaseError,
    Follower,
    Turn,
    run_migrations,
)

_LOCK: Final = 0x5357_4B50  # of all writers to one database: "SWKP"
_CHANNEL: Final = "swarmkeeper"
_TICK: Final = 1.0  # seconds between two looks at what is overdue
_QUIET: Final = 5.0  # seconds without a word after which the follower asks whether anyone is there
_RETRY: Final = 0.5  # seconds before the follower tries again
_LONG: Final = 3600.0  # seconds for what may take long: migrations, dumps, checks

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class PostgresCursor:
    """A cursor that takes statements in the words of SQLite; see `swarmkeeper.store.sql.Cursor`."""

    def __init__(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        """Rows that the last statement touched."""
        return self._cursor.rowcount

    @property
    def description(self) -> Any:
        """The columns of the last query."""
        return self._cursor.description

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Self:
        """Runs one statement."""
        self._cursor.execute(for_postgres(sql).encode(), values(parameters))
        return self

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class PostgresDatabase:
    """A Postgres database, safe to share between threads and with other processes.

    Args:
        address: where it is.

    Raises:
        DatabaseError: it can't be reached, or may not be used.
    """

    shared: Final = True

    def __init__(self, address: Address) -> None:
        self._turn = Turn()
        self._read_lock = threading.Lock()
        self._writer, self._reader, self._ears = (Link(address) for _ in range(3))
        self._stop, self._closed = threading.Event(), threading.Event()
        self._listeners: tuple[Follower, ...] = ()
        self._threads = [
            threading.Thread(target=self._watch, name="store-watchdog", daemon=True),
            threading.Thread(target=self._listen, name="store-follower", daemon=True),
        ]
        try:
            with self.write() as cursor:
                cursor.execute(VERSIONS)
        except DatabaseError:
            self._writer.drop()
            raise
        self._threads[0].start()

    @contextmanager
    def write(self) -> Iterator[PostgresCursor]:
        """One transaction, alone among the writers of all processes; see `SqlDatabase.write`.

        Raises:
            DatabaseError: nothing was written, or the connection was lost during the commit: then
                it may have been, and whoever reads will see.
        """
        with self._turn.taken(), self._used(self._writer):
            yield from self._transaction(self._writer, "BEGIN", self._take_lock)

    @contextmanager
    def snapshot(self, *, long: bool = False) -> Iterator[PostgresCursor]:
        """Reads several things as they are together; see `SqlDatabase.snapshot`."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        prepare = _without_limits if long else _as_it_is
        with self._read_lock, self._used(self._reader, _LONG if long else None):
            yield from self._transaction(self._reader, begin, prepare)

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as committed; see `SqlDatabase.read`."""

        def query(connection: Connection) -> list[tuple[Any, ...]]:
            return PostgresCursor(connection.cursor()).execute(sql, params).fetchall()

        with self._read_lock, self._used(self._reader):
            return _again(self._reader, query)

    def migrate(self, module: str, statements: Sequence[str]) -> None:
        """Brings the tables of one module up to date; see `SqlDatabase.migrate`."""
        with self._turn.taken(), self._used(self._writer, _LONG):
            for cursor in self._transaction(self._writer, "BEGIN", self._take_lock):
                cursor.execute("SET LOCAL statement_timeout = 0")
                run_migrations(cursor, module, statements)

    def announce(self, cursor: Any, revision: int) -> None:
        """Tells other processes, with the commit, that there is a newer revision."""
        cursor.execute("SELECT pg_notify(?, ?)", (_CHANNEL, str(revision)))

    def follow(self, listener: Follower) -> None:
        """Calls the listener when other processes may have written; see `SqlDatabase.follow`."""
        self._listeners = (*self._listeners, listener)
        if not self._threads[1].is_alive():
            self._threads[1].start()

    def damage(self) -> list[str]:
        """Nothing: Postgres checks its pages when it reads them, and refuses what is broken."""
        return []

    def vacuum(self) -> None:
        """Gives the room of removed rows back to Postgres."""
        with self._turn.taken(), self._used(self._writer, _LONG):
            connection = self._writer.connection()
            connection.execute("SET statement_timeout = 0")
            connection.execute("VACUUM objects")
            self._writer.drop()  # and with it that setting

    def close(self) -> None:
        """Closes the connections; waits for a transaction under way."""
        self._stop.set()
        self._ears.cut(overdue=False)
        if self._threads[1].is_alive():
            self._threads[1].join()
        try:
            with self._turn.taken(), self._read_lock:
                self._writer.drop()
                self._reader.drop()
        finally:  # until then the watchdog ends what is overdue
            self._closed.set()
            if self._threads[0].is_alive():
                self._threads[0].join()

    @contextmanager
    def _used(self, link: Link, limit: float | None = None) -> Iterator[None]:
        try:
            with link.in_use(limit) if limit else link.in_use():
                yield
        except psycopg.IntegrityError as error:
            raise DatabaseConflict(f"the database refused: {tell(error)}") from error
        except psycopg.Error as error:
            raise DatabaseError(f"the database refused: {tell(error)}") from error

    def _transaction(
        self, link: Link, begin: str, prepare: Callable[[Connection], None]
    ) -> Iterator[PostgresCursor]:
        def start(connection: Connection) -> psycopg.Cursor[tuple[Any, ...]]:
            connection.execute(begin.encode())
            prepare(connection)
            return connection.cursor()

        try:
            with _again(link, start) as cursor:
                yield PostgresCursor(cursor)
                _commit(cursor)
        except BaseException:
            link.roll_back()
            raise

    def _take_lock(self, connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))

    def _watch(self) -> None:
        while not self._closed.wait(_TICK):
            self._writer.cut()
            self._reader.cut()
            self._ears.cut()

    def _listen(self) -> None:
        """Hears of writes for as long as the database is open."""
        heard = True
        while not self._stop.is_set():
            try:
                connection = self._ears.connection()
                if not heard:
                    _log.info("in touch with Postgres again")
                heard = True
                self._hear(connection)
            except (DatabaseError, psycopg.Error) as error:
                self._ears.drop()
                if heard and not self._stop.is_set():
                    _log.warning("lost touch with Postgres", extra={"error": tell(error)})
                heard = False
                self._stop.wait(_RETRY)
        self._ears.drop()

    def _hear(self, connection: Connection) -> None:
        with self._ears.in_use():
            connection.execute(f"LISTEN {_CHANNEL}".encode())
            self._tell(None)  # what was said while nobody listened
            while not self._stop.is_set():
                self._ears.prolong(ANSWER_TIMEOUT)
                connection.execute("SELECT 1")  # a connection that is only listened to never fails
                self._ears.prolong(_QUIET + ANSWER_TIMEOUT)
                for notify in connection.notifies(timeout=_QUIET, stop_after=1):
                    self._tell(int(notify.payload))

    def _tell(self, revision: int | None) -> None:
        for listener in self._listeners:
            listener(revision)


def _again(link: Link, action: Callable[[Connection], _T]) -> _T:
    """Does what may safely be done twice: an old connection may turn out to be lost."""
    old = link.made
    try:
        return action(link.connection())
    except psycopg.OperationalError:
        if not (old and link.broken):
            raise
    return action(link.connection())


def _commit(cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
    cursor.execute("COMMIT")
    if cursor.statusmessage != "COMMIT":  # after a failed statement Postgres only rolls back
        raise DatabaseError("a statement failed: nothing was written")


def _as_it_is(_: Connection) -> None:
    """With the limits that every connection has."""


def _without_limits(connection: Connection) -> None:
    connection.execute("SET LOCAL statement_timeout = 0")
