"""One connection to Postgres that is made again when it is lost, and never hangs for long."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import conninfo
from psycopg.pq import TransactionStatus

from swarmkeeper.store.sql import DatabaseError

ANSWER_TIMEOUT: Final = 10.0
"""Seconds that the server may take to answer before the connection is given up."""
_CONNECT_TIMEOUT: Final = 5
_BACKOFF: Final = (0.1, 5.0)  # seconds before the next attempt: at first, at most
# The server's own limits. A writer that is frozen in a transaction holds up the others no longer than
# this. Commits are synced, whatever the server's default.
_OPTIONS: Final = (
    "-c statement_timeout=8s -c lock_timeout=8s -c idle_in_transaction_session_timeout=5s"
    " -c synchronous_commit=on"
)
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": int(ANSWER_TIMEOUT * 1000),
}
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is. The password is not part of it.

    Attributes:
        url: `postgresql://user@host:port/database?sslmode=…`.
        password_file: read at every connection, so that a new password needs no restart.
    """

    url: str
    password_file: Path | None = None

    def __str__(self) -> str:
        parts = self._parts()
        return f"{parts.get('dbname', 'postgres')} at {parts.get('host', 'localhost')}"

    def connect(self) -> Connection:
        """A new connection.

        Raises:
            DatabaseError: the address is wrong, or no server answers there.
        """
        parts = self._parts()
        options = f"{_OPTIONS} {parts.pop('options', '')}"
        try:
            if self.password_file is not None:
                parts["password"] = self.password_file.read_text(encoding="utf-8").strip()
            limits = {"connect_timeout": _CONNECT_TIMEOUT, **_KEEPALIVE, **parts}
            connection: Connection = psycopg.connect(
                **limits, options=options, autocommit=True, application_name="swarmkeeper"
            )
        except (OSError, psycopg.Error) as error:
            raise DatabaseError(f"can't reach Postgres: {tell(error)}") from error
        return connection

    def _parts(self) -> dict[str, Any]:
        try:
            parts = conninfo.conninfo_to_dict(self.url)
        except psycopg.Error:  # its message may hold what was wrong, and that may be a secret
            raise DatabaseError("the store's address is no postgresql:// URL") from None
        if "password" in parts:
            raise DatabaseError("the store's address holds a password: put it into a file")
        parts.pop("application_name", None)
        return dict(parts)


class Link:
    """A connection for one user at a time.

    Args:
        address: of the database.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None
        self._guard = threading.Lock()
        self._deadline: float | None = None
        self._delay, self._next = _BACKOFF[0], 0.0

    @property
    def made(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def connection(self) -> Connection:
        """The connection, made where there is none.

        Raises:
            DatabaseError: it can't be made, or that failed a moment ago.
        """
        if self._connection is not None and not self._connection.broken:
            return self._connection
        self.drop()
        if time.monotonic() < self._next:
            raise DatabaseError(f"can't reach Postgres: {self._address}; will try again")
        try:
            self._connection = self._address.connect()
        except DatabaseError:
            self._next = time.monotonic() + self._delay
            self._delay = min(self._delay * 2, _BACKOFF[1])
            raise
        self._delay, self._next = _BACKOFF[0], 0.0
        return self._connection

    @property
    def broken(self) -> bool:
        """Whether the connection is known to be lost."""
        return self._connection is not None and self._connection.broken

    def roll_back(self) -> None:
        """Ends a transaction that failed; drops the connection where that can't be done."""
        connection = self._connection
        if connection is None or connection.info.transaction_status is TransactionStatus.IDLE:
            return
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self.drop()

    def drop(self) -> None:
        """Closes the connection; the next use makes another one."""
        with self._guard:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()

    @contextmanager
    def in_use(self, limit: float = ANSWER_TIMEOUT) -> Iterator[None]:
        """During the block, `interrupt` may cut the connection.

        Args:
            limit: seconds after which `overdue` says so.
        """
        with self._guard:
            self._deadline = time.monotonic() + limit
        try:
            yield
        finally:
            with self._guard:
                self._deadline = None

    def prolong(self, limit: float) -> None:
        """Within `in_use`: the answer is overdue only so many seconds from now."""
        with self._guard:
            self._deadline = time.monotonic() + limit

    @contextmanager
    def bounded(self, limit: float) -> Iterator[None]:
        """Like `in_use`, and cuts the connection by itself where an answer is overdue.

        Args:
            limit: seconds for the answer.
        """
        watchdog = threading.Timer(limit, self.cut)
        watchdog.daemon = True
        with self.in_use(limit):
            watchdog.start()  # after the deadline was set: when it rings, the answer is overdue
            try:
                yield
            finally:
                watchdog.cancel()

    def cut(self, *, overdue: bool = True) -> None:
        """Wakes who waits for an answer, from another thread: it gets an error.

        Args:
            overdue: only where the answer is overdue.
        """
        with self._guard:
            connection, deadline = self._connection, self._deadline
            if connection is None or deadline is None or connection.closed:
                return
            if overdue and time.monotonic() < deadline:
                return
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as copy:
                copy.shutdown(socket.SHUT_RDWR)


def tell(error: Exception) -> str:
    """An error in one line; the lines below may hold a row."""
    return next(iter(str(error).splitlines()), type(error).__name__)
