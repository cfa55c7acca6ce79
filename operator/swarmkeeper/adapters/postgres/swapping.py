"""Databases change their names: a restored one takes the place of the one in use, all at once.

Both names change in one transaction, so whatever is killed when, there is a database of the right name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg
from psycopg import errors, sql

from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.connection import Access, told
from swarmkeeper.runtime.backups import BackupError

MAINTENANCE: Final = "postgres"
"""The database to be connected to while others change their names."""
OURS: Final = "swarmkeeper: "
"""What our comments on databases begin with."""
_ATTEMPTS: Final = 20
_POLL: Final = 0.2
_BUSY: Final = """
SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND state <> 'idle'
"""
_TERMINATE: Final = """
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE datname = ANY(%s) AND pid <> pg_catalog.pg_backend_pid()
"""
_COMMENT: Final = """
SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = %s
"""
_LIKE: Final = (
    "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, %s)"
)
_SHAPE: Final = """
SELECT pg_catalog.pg_get_userbyid(datdba), datcollate, datctype,
       pg_catalog.pg_encoding_to_char(encoding), datconnlimit
FROM pg_catalog.pg_database WHERE datname = %s
"""
_OPTIONS: Final = """
SELECT pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
WHERE d.datname = %s AND s.setrole = 0
"""
_GRANTS: Final = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type
FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a WHERE d.datname = %s
"""
Connection = psycopg.Connection[tuple[Any, ...]]


def at(access: Access, database: str) -> Access:
    """Access to another database of the same server."""
    place = replace(access.server, database=database)
    return replace(access, server=place, parameters={**access.parameters, "dbname": database})


@contextmanager
def maintenance(access: Access) -> Iterator[Connection]:
    """A connection beside the database.

    Raises:
        BackupError: there is none, or the server refuses something in the block.
    """
    with at(access, MAINTENANCE).connect() as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise told(access.server, str(error), "RestoreFailed") from None


def comment(connection: Connection, name: str) -> str | None:
    """The comment of a database; empty where it has none, None where there is no such database."""
    row = connection.execute(_COMMENT, (name,)).fetchone()
    return None if row is None else str(row[0] or "")


def beginning_with(connection: Connection, prefix: str) -> list[str]:
    """Databases whose names begin so, in order."""
    return sorted(str(name) for (name,) in connection.execute(_LIKE, (prefix,)))


def create_like(connection: Connection, name: str, like: str, encoding: str) -> None:
    """Makes an empty database with owner, locale, settings and privileges of another, where it exists."""
    shape = connection.execute(_SHAPE, (like,)).fetchone()
    make = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}")
    if shape is None:
        connection.execute(make.format(sql.Identifier(name), sql.Literal(encoding)))
        return
    owner, collate, ctype, encoding, limit = shape
    more = sql.SQL(" OWNER {} LC_COLLATE {} LC_CTYPE {} CONNECTION LIMIT {}").format(
        sql.Identifier(owner), sql.Literal(collate), sql.Literal(ctype), sql.Literal(limit)
    )
    connection.execute(make.format(sql.Identifier(name), sql.Literal(encoding)) + more)
    for (setting,) in connection.execute(_OPTIONS, (like,)).fetchall():
        option, _, value = str(setting).partition("=")
        change = sql.SQL("ALTER DATABASE {} SET {} TO {}")
        parts = (sql.Identifier(name), sql.Identifier(*option.split(".")), sql.Literal(value))
        connection.execute(change.format(*parts))
    _grant_like(connection, name, like)


def note(connection: Connection, name: str, text: str) -> None:
    """Writes the comment of a database."""
    query = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(query.format(sql.Identifier(name), sql.Literal(text)))


def drop(connection: Connection, name: str) -> None:
    """Removes a database, whoever uses it; what is not there is no error."""
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(query.format(sql.Identifier(name)))


def drain(connection: Connection, name: str, seconds: float, leash: Leash) -> None:
    """Waits until nobody is in the middle of something in a database, at most so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        leash.check()
        (busy,) = connection.execute(_BUSY, (name,)).fetchone() or (0,)
        if not busy:
            return
        time.sleep(_POLL)


def rename(connection: Connection, *names: tuple[str, str]) -> None:
    """Renames databases all at once; who is connected to one loses the connection.

    Args:
        connection: to another database.
        names: (old, new), in order.

    Raises:
        BackupError: clients come back faster than they can be sent away.
    """
    for _ in range(_ATTEMPTS):
        try:
            with connection.transaction():
                connection.execute(_TERMINATE, ([old for old, _ in names],))
                for old, new in names:
                    query = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                    connection.execute(query.format(sql.Identifier(old), sql.Identifier(new)))
        except errors.ObjectInUse:
            continue
        return
    raise BackupError("DatabaseBusy", f"clients hold on to {names[0][0]}: stop them, and try again")


def _grant_like(connection: Connection, name: str, like: str) -> None:
    grants = connection.execute(_GRANTS, (like,)).fetchall()
    if not grants:
        return
    database = sql.Identifier(name)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for grantee, privilege in grants:
        role = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}")
        connection.execute(grant.format(sql.SQL(privilege), database, role))
