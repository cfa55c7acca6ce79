"""A snapshot of a database that pg_dump shares, and what is counted in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from swarmkeeper.adapters.postgres.connection import Access, told
from swarmkeeper.runtime.backups import BackupError

_TABLES: Final = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
_FACTS: Final = """
SELECT pg_catalog.current_setting('server_version'),
       pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.clock_timestamp(),
       pg_catalog.pg_database_size(pg_catalog.current_database()),
       (SELECT pg_catalog.pg_encoding_to_char(encoding) FROM pg_catalog.pg_database
        WHERE datname = pg_catalog.current_database()),
       pg_catalog.pg_export_snapshot()
"""
_SETTINGS: Final = (
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET row_security = off",
    "SET search_path = ''",
)
_CANCEL_TIMEOUT: Final = 5.0

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(slots=True)
class Census:
    """What is known of the database in the snapshot.

    Attributes:
        snapshot: its name, for pg_dump.
        server_version: e.g. `15.18`.
        major: of the server.
        server_time: by the server's clock.
        database_size: bytes on the server.
        extensions: name to version.
        encoding: of the database.
        roles: of the server.
        rows: by `schema.table`; complete after `finish`.
    """

    snapshot: str
    server_version: str
    major: int
    server_time: datetime
    database_size: int
    extensions: dict[str, str]
    encoding: str
    roles: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    _error: BackupError | None = None
    _counting: threading.Thread | None = None

    def count(self, access: Access, connection: Connection, tables: list[tuple[str, str]]) -> None:
        """Begins to count the rows, beside the dump."""

        def work() -> None:
            try:
                for schema, table in tables:
                    query = sql.SQL("SELECT count(*) FROM ONLY {}").format(
                        sql.Identifier(schema, table)
                    )
                    (found,) = connection.execute(query).fetchone() or (0,)
                    self.rows[f"{schema}.{table}"] = int(found)
            except psycopg.Error as error:
                self._error = told(access.server, str(error), "DumpFailed")

        self._counting = threading.Thread(target=work, name="backup-count", daemon=True)
        self._counting.start()

    def stop(self) -> None:
        """Waits a moment for a count that was cancelled."""
        if self._counting is not None:
            self._counting.join(_CANCEL_TIMEOUT)

    def finish(self) -> None:
        """Waits until all is counted.

        Raises:
            BackupError: it can't be.
        """
        if self._counting is not None:
            self._counting.join()
        if self._error is not None:
            raise self._error


@contextmanager
def census(access: Access, lock_timeout: float) -> Iterator[Census]:
    """Takes a snapshot, keeps it for the block, and counts in it meanwhile.

    The tables are locked against changes of their shape first, as pg_dump does: the rows of a table
    that is rewritten meanwhile would not be seen.

    Raises:
        BackupError: the server can't be reached, or refused.
    """
    connection = access.connect()
    found: Census | None = None
    try:
        try:
            found, tables = _begin(connection, lock_timeout)
        except psycopg.Error as error:
            raise told(access.server, str(error), "DumpFailed") from None
        found.count(access, connection, tables)
        yield found
        found.finish()
    finally:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=_CANCEL_TIMEOUT)
        if found is not None:
            found.stop()
        connection.close()


def _begin(connection: Connection, lock_timeout: float) -> tuple[Census, list[tuple[str, str]]]:
    for setting in (*_SETTINGS, f"SET lock_timeout = {round(lock_timeout * 1000)}"):
        connection.execute(setting.encode())
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    tables: list[Any] = connection.execute(_TABLES).fetchall()
    if tables:
        each = (sql.SQL("ONLY {}").format(sql.Identifier(*table)) for table in tables)
        lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
        connection.execute(lock.format(sql.SQL(", ").join(each)))
    version, number, time, size, encoding, snapshot = connection.execute(_FACTS).fetchone() or ()
    extensions = connection.execute("SELECT extname, extversion FROM pg_catalog.pg_extension")
    roles = connection.execute("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'")
    census_ = Census(
        snapshot=str(snapshot),
        server_version=str(version).partition(" ")[0],
        major=int(number) // 10000,
        server_time=time.astimezone(UTC),
        database_size=int(size),
        encoding=str(encoding),
        roles=sorted(str(role) for (role,) in roles),
        extensions=dict(sorted((str(name), str(found)) for name, found in extensions)),
    )
    return census_, tables
