"""The lease: of several operators on one store, one acts.

Three things make it. A *hold* is given back by the system when its process or its connection ends, so
a successor comes at once. A *token*, one higher with each lease, lies in the store and is checked in
the transaction of every intent: who was paused and has been succeeded can't begin anything, whatever
it believes. And a holder that could not renew the lease for a while takes it for expired by its own
clock, before anybody else may take it: so it finishes nothing either.

A holder that is alive but silent is recognised by its beats, which stand still; nobody's clock is
compared with another's.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Hashable
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
EXPIRY: Final = 2.0
"""Seconds without a renewal after which a holder does nothing more; well below PATIENCE."""
_LOOK: Final = 0.2  # seconds between two looks at a locked file


class LeaseLost(DatabaseError):  # noqa: N818 - says what it is
    """This operator does not hold the lease: nothing was written."""


class Hold(Protocol):
    """A lock that ends with its owner."""

    def take(self) -> bool:
        """Whether it is ours now: taken, or kept; where it is kept, it beats."""
        ...

    def pulse(self) -> Hashable:
        """What changes with each beat of the owner."""
        ...

    def wait(self, seconds: float) -> None:
        """Waits until it may be free; at most so long."""
        ...

    def evict(self) -> None:
        """Takes it away from an owner that is silent."""
        ...

    def release(self) -> None:
        """Gives it back, and wakes who waits for it."""
        ...


class FileHold:
    """A lock on a file, for a store on this machine.

    Beats are the file's time stamp. An owner that is silent loses the file itself: the next one makes
    a new one, and the old one sees that its own is no longer there.

    Args:
        path: of the file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        if self._file is None:
            self._file = _locked(self._path)
        if self._file is None or self._number() != os.fstat(self._file.fileno()).st_ino:
            self.release()
            return False
        os.utime(self._file.fileno())
        return True

    def pulse(self) -> Hashable:
        """The file's identity and time stamp."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def wait(self, seconds: float) -> None:
        """Waits; a locked file tells nobody that it is free, so never for long."""
        time.sleep(min(seconds, _LOOK))

    def evict(self) -> None:
        """Removes the file; its owner still has the lock, on nothing."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives it back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _number(self) -> int:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return -1


def _locked(path: Path) -> IO[str] | None:
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if isinstance(error, BlockingIOError):
            return None
        raise
    return file


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
        self._seen: Hashable = None
        self._since = clock()
        self._renewed = clock()
        self.token: int | None = None
        """The token while the lease is held."""

    @property
    def valid(self) -> bool:
        """Whether it is held, and was renewed a moment ago: nobody else can have it."""
        return self.token is not None and self._clock() - self._renewed < EXPIRY

    def acquire(self) -> bool:
        """Tries to get the lease; call it again and again until it is there.

        Raises:
            DatabaseError: the store can't be reached.
        """
        asked = self._clock()
        if not self._hold.take():
            if self._is_silent():
                self._hold.evict()
            return False
        with self._database.write() as cursor:
            (token,) = cursor.execute("SELECT token FROM lease").fetchone()
            cursor.execute("UPDATE lease SET token = ?, holder = ?", (token + 1, self._holder))
        self.token, self._renewed = token + 1, asked
        return True

    def renew(self) -> bool:
        """Says that we are alive, and gives whether the lease is still ours.

        Where a connection was lost that the server still believes in, the hold is out of reach though
        nobody has succeeded us: we do nothing, and end that silent session as a successor would.

        Raises:
            DatabaseError: the store can't be reached; the lease may be ours still.
        """
        if self.token is None:
            return False
        asked = self._clock()
        held = self._hold.take()
        ((token,),) = self._database.read("SELECT token FROM lease")
        if token != self.token:
            self.release()
            return False
        if held:
            self._renewed = asked
        elif self._is_silent():
            self._hold.evict()
        return True

    def check(self, cursor: Cursor) -> None:
        """Lets a transaction pass only while the lease is ours.

        Raises:
            LeaseLost: it is not.
        """
        (token,) = cursor.execute("SELECT token FROM lease").fetchone()
        if token != self.token:
            raise LeaseLost("another operator holds the lease: this one may not act")

    def wait(self, seconds: float) -> None:
        """Waits until the lease may be free; at most so long."""
        self._hold.wait(seconds)

    def holder(self) -> str:
        """Who had the lease last."""
        ((name,),) = self._database.read("SELECT holder FROM lease")
        return str(name)

    def release(self) -> None:
        """Gives the lease back, so that another one gets it at once."""
        self.token = None
        self._hold.release()

    def _is_silent(self) -> bool:
        found = self._hold.pulse()
        if found != self._seen:
            self._seen, self._since = found, self._clock()
        return self._clock() - self._since > PATIENCE
