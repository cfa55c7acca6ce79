"""The lease: of several operators on one store, one acts.

Two things make it. A *hold* is given back by the system when its process or its connection ends, so a
successor comes at once. A *token*, one higher with each lease, lies in the store and is checked in the
transaction of every intent: who was paused and has been succeeded can't begin anything, whatever it
believes. A holder that is alive but silent is recognised by its beats, which stand still; nobody's
clock is compared with another's.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, Protocol

from swarmkeeper.store.sql import Cursor, DatabaseError, SqlDatabase

SCHEMA: Final = (
    "CREATE TABLE lease (token INTEGER NOT NULL, beat INTEGER NOT NULL, holder TEXT NOT NULL)",
    "INSERT INTO lease VALUES (0, 0, '')",
)
"""The migrations of the table."""
PATIENCE: Final = 3.0
"""Seconds without a beat after which a holder is taken for paused; renew several times within."""


class LeaseLost(DatabaseError):  # noqa: N818 - says what it is
    """This operator does not hold the lease: nothing was written."""


class Hold(Protocol):
    """A lock that ends with its owner."""

    def take(self) -> bool:
        """Whether it is ours now: taken, or kept."""
        ...

    def evict(self) -> None:
        """Takes it away from an owner that is silent, where that is possible."""
        ...

    def release(self) -> None:
        """Gives it back."""
        ...


class FileHold:
    """A lock on a file, for a store on this machine.

    A paused owner keeps it: there is nobody who could act beside it.

    Args:
        path: of the file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        if self._file is not None:
            return True
        file = self._path.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def evict(self) -> None:
        """Nothing: the system knows best whether the owner lives."""

    def release(self) -> None:
        """Gives it back."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Lease:
    """The right to act, for one operator.

    Args:
        database: the store.
        hold: the lock that goes with it.
        holder: who we are, for people.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        database: SqlDatabase,
        hold: Hold,
        holder: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        database.migrate("lease", SCHEMA)
        self._database = database
        self._hold = hold
        self._holder = holder
        self._clock = clock
        self._seen: tuple[int, int] = (0, 0)
        self._since = clock()
        self.token: int | None = None
        """The token while the lease is held."""

    def acquire(self) -> bool:
        """Tries to get the lease; call it again and again until it is there.

        Raises:
            DatabaseError: the store can't be reached.
        """
        if not self._hold.take():
            if self._is_silent():
                self._hold.evict()
            return False
        with self._database.write() as cursor:
            (token,) = cursor.execute("SELECT token FROM lease").fetchone()
            cursor.execute(
                "UPDATE lease SET token = ?, beat = 0, holder = ?", (token + 1, self._holder)
            )
        self.token = token + 1
        return True

    def renew(self) -> bool:
        """Says that we are alive, and gives whether the lease is still ours.

        Raises:
            DatabaseError: the store can't be reached; the lease may be ours still.
        """
        if self.token is not None and self._hold.take():
            with self._database.write() as cursor:
                cursor.execute("UPDATE lease SET beat = beat + 1 WHERE token = ?", (self.token,))
                if cursor.rowcount:
                    return True
        self.release()
        return False

    def check(self, cursor: Cursor) -> None:
        """Lets a transaction pass only while the lease is ours.

        Raises:
            LeaseLost: it is not.
        """
        (token,) = cursor.execute("SELECT token FROM lease").fetchone()
        if token != self.token:
            raise LeaseLost("another operator holds the lease: this one may not act")

    def holder(self) -> str:
        """Who had the lease last."""
        ((name,),) = self._database.read("SELECT holder FROM lease")
        return str(name)

    def release(self) -> None:
        """Gives the lease back, so that another one gets it at once."""
        self.token = None
        self._hold.release()

    def _is_silent(self) -> bool:
        (found,) = self._database.read("SELECT token, beat FROM lease")
        if found != self._seen:
            self._seen, self._since = (found[0], found[1]), self._clock()
        return self._clock() - self._since > PATIENCE
