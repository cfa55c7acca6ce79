"""The lock that goes with the lease, on Postgres: it ends with the connection that took it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
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
_ANSWER: Final = 5.0  # seconds for an answer; a session that is silent for longer is given up
_CHANNEL: Final = "swarmkeeper_lease"
_BEAT: Final = "UPDATE lease SET beat = beat + 1"
_HAND_ON: Final = f"SELECT pg_advisory_unlock(%s), pg_notify('{_CHANNEL}', '')"


class PostgresHold:
    """An advisory lock of a session of its own; see `swarmkeeper.store.lease.Hold`.

    Args:
        address: of the database.
    """

    def __init__(self, address: Address) -> None:
        self._link = Link(address)
        self._owner: Connection | None = None
        self._prepared: Connection | None = None

    def take(self) -> bool:
        """Whether it is ours now: taken, or kept by a connection that still answers.

        Raises:
            DatabaseError: the server can't be reached.
        """
        with self._asking("can't ask for the lease") as connection:
            if self._owner is connection:
                connection.execute(_BEAT)
                return True
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
        self._owner = connection if row and row[0] else None
        return self._owner is not None

    def pulse(self) -> Hashable:
        """Token and beat, as the owner has written them."""
        with self._asking("can't look at the lease") as connection:
            return connection.execute("SELECT token, beat FROM lease").fetchone()

    def wait(self, seconds: float) -> None:
        """Waits until its owner gives it back; at most so long.

        Raises:
            DatabaseError: the server can't be reached.
        """
        with self._asking("can't wait for the lease") as connection:
            for _ in connection.notifies(timeout=seconds, stop_after=1):
                return

    def evict(self) -> None:
        """Ends the session that has the lock."""
        with self._asking("can't end the old lease") as connection:
            connection.execute(_EVICT, (_KEY,))

    def release(self) -> None:
        """Gives it back, tells those who wait, and ends the session."""
        if self._owner is not None:
            # A session that is lost has given it back.
            with suppress(psycopg.Error), self._link.bounded(_ANSWER):
                self._owner.execute(_HAND_ON.encode(), (_KEY,))
        self._drop()

    @contextmanager
    def _asking(self, problem: str) -> Iterator[Connection]:
        """The connection, for as long as an answer may take; given up where it fails."""
        try:
            connection = self._link.connection()
            with self._link.bounded(_ANSWER):
                if connection is not self._prepared:
                    connection.execute("SET synchronous_commit = off")  # a lost beat is no loss
                    connection.execute(f"LISTEN {_CHANNEL}".encode())
                    self._prepared = connection
                yield connection
        except psycopg.Error as error:
            self._drop()
            raise DatabaseError(f"{problem}: {tell(error)}") from error

    def _drop(self) -> None:
        self._owner = self._prepared = None
        self._link.drop()
