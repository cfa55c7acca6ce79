"""An operator's time in office: it stands by, takes the lease, keeps it, and hears when it has lost it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from swarmkeeper.store.lease import Lease, LeaseLost
from swarmkeeper.store.opening import Place
from swarmkeeper.store.sql import Cursor, DatabaseError, SqlDatabase

_BEAT: Final = 0.7  # seconds between renewals
_LOOK: Final = 0.5  # seconds between two tries of a standby; a hand-over wakes it at once
_RETRY: Final = 0.5  # seconds before a store that can't be reached is asked again
_ENDING: Final = 2.0  # seconds for the thread to end; a store that is silent is not waited for
SILENCE: Final = 10.0
"""Seconds without an answer from the store after which an operator is not ready."""

_log = logging.getLogger(__name__)


class Tenure:
    """The right to act on a store: had at once, or waited for.

    Args:
        place: of the store.
        database: opened there.
    """

    def __init__(self, place: Place, database: SqlDatabase) -> None:
        self._lease = Lease(database, place.hold(), f"{socket.gethostname()}/{os.getpid()}")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._answered = time.monotonic()
        self.lost = ""
        """Why this operator may not act any more, ever; empty while it may, or waits for it."""

    def begin(self, elected: Callable[[], object], lost: Callable[[], object]) -> bool:
        """Tries for the lease; from then on waits for it or renews it, on a thread of its own.

        Args:
            elected: called there once the lease has come later.
            lost: called there once it is gone for good.

        Returns:
            Whether the lease is ours at once.

        Raises:
            DatabaseError: the store can't be reached.
        """
        try:
            acts = self._lease.acquire()
        except OSError as error:
            raise DatabaseError(f"can't ask for the lease: {error}") from error
        if not acts:
            _log.info("standing by", extra={"acting": self._lease.holder()})
        self._thread = threading.Thread(
            target=self._run, args=(elected, lost), name="lease", daemon=True
        )
        self._thread.start()
        return acts

    def check(self, cursor: Cursor) -> None:
        """Lets a transaction pass only while this operator may act; see `Lease.check`."""
        self._lease.check(cursor)

    def require(self) -> None:
        """Lets only an operator go on that has renewed its lease a moment ago; asks nobody.

        Raises:
            LeaseLost: it has not.
        """
        if not self.acts:
            raise LeaseLost("the lease has not been renewed: another operator may act by now")

    @property
    def acts(self) -> bool:
        """Whether this operator may act now."""
        return self._lease.valid

    def problem(self) -> str:
        """Why what this operator knows may be old; empty while the store answers."""
        silent = time.monotonic() - self._answered
        return f"the store has not answered for {silent:.0f} s" if silent > SILENCE else ""

    def end(self) -> None:
        """Gives the lease back: another operator may begin at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_ENDING)

    def _run(self, elected: Callable[[], object], lost: Callable[[], object]) -> None:
        try:
            if self._lease.token is None and self._stand_by():
                _log.info("taking over", extra={"token": self._lease.token})
                elected()
            self._keep()
        except OSError as error:  # of the lock's file: nothing mends it while we run
            self.lost = f"the lease can't be kept: {error}"
        finally:
            self._lease.release()
        if self.lost:
            _log.error("the lease is lost", extra={"reason": self.lost})
            lost()

    def _stand_by(self) -> bool:
        """Waits for the lease; whether it has come before the end."""
        while not self._stop.is_set():
            try:
                if self._lease.acquire():
                    return True
                self._answered = time.monotonic()
                self._lease.wait(_LOOK)
            except DatabaseError as error:
                _log.debug("can't ask for the lease", extra={"error": str(error)})
                self._stop.wait(_RETRY)
        return False

    def _keep(self) -> None:
        while not self.lost and not self._stop.wait(_BEAT):
            try:
                if not self._lease.renew():
                    self.lost = "another operator has taken over"
                self._answered = time.monotonic()
            except DatabaseError as error:  # nobody can act now; it may be ours when it is back
                _log.debug("the lease can't be renewed", extra={"error": str(error)})
