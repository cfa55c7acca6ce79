"""The lock that goes with the lease, on Postgres: it ends with the connection that took it."""

from __future__ import annotations

from typing import Final

import psycopg

from swarmkeeper.store.postgres_link import Address, Connection, Link, tell
from swarmkeeper.store.sql import DatabaseError

_KEY: Final = 0x5357_4B4C  # "SWKL"
_EVICT: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class PostgresHold:
    """An advisory lock of a session of its own; see `swarmkeeper.store.lease.Hold`.

    Args:
        address: of the database.
    """

    def __init__(self, address: Address) -> None:
        self._link = Link(address)
        self._owner: Connection | None = None

    def take(self) -> bool:
        """Whether it is ours now: taken, or kept by a connection that still answers.

        Raises:
            DatabaseError: the server can't be reached.
        """
        try:
            connection = self._link.connection()
            if self._owner is connection:
                connection.execute("SELECT 1")
                return True
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
        except psycopg.Error as error:
            self.release()
            raise DatabaseError(f"can't ask for the lease: {tell(error)}") from error
        self._owner = connection if row and row[0] else None
        return self._owner is not None

    def evict(self) -> None:
        """Ends the session that has the lock."""
        try:
            self._link.connection().execute(_EVICT, (_KEY,))
        except psycopg.Error as error:
            self.release()
            raise DatabaseError(f"can't end the old lease: {tell(error)}") from error

    def release(self) -> None:
        """Gives it back, by ending the session."""
        self._owner = None
        self._link.drop()
