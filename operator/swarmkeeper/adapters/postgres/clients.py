"""Who is connected to a database, and whether they come back after it has changed."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

import psycopg

from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.connection import NAME

_SESSIONS: Final = """
SELECT a.usename, a.application_name, a.backend_type
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid() AND a.application_name <> %s
"""
_POLL: Final = 0.5
_SHOWN: Final = 3

Connection = psycopg.Connection[tuple[Any, ...]]
Clients = Counter[tuple[str, str]]
"""Sessions by role and application name."""


def clients(connection: Connection, database: str) -> Clients | None:
    """Sessions of others on a database; None where the server does not show us what they are."""
    found: Clients = Counter()
    for role, application, backend_type in connection.execute(_SESSIONS, (database, NAME)):
        if backend_type is None:
            return None
        if backend_type == "client backend":
            found[(str(role), str(application))] += 1
    return found


def returned(
    connection: Connection, database: str, before: Clients | None, seconds: float, leash: Leash
) -> str:
    """Waits until who was connected is so again, at most so long; says how that stands, for people.

    An application counts as back with its first session: pools grow as they are used.
    """
    if before is None:
        return "whether clients are back is unknown: the role may not see the sessions of others"
    if not before:
        return "no client was connected before"
    deadline = time.monotonic() + seconds
    while True:
        leash.check()
        now = clients(connection, database)
        if now is None:
            return "whether clients are back is unknown: somebody's session is not shown to us"
        away = [who for who in before if who not in now]
        if not away or time.monotonic() >= deadline:
            return _told(before, away)
        time.sleep(_POLL)


def _told(before: Clients, away: list[tuple[str, str]]) -> str:
    text = f"{len(before) - len(away)} of {len(before)} clients are back"
    names = [f"{role} ({application or 'no application name'})" for role, application in away]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{text}, not {', '.join(names[:_SHOWN])}{more}" if names else text
