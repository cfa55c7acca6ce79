"""An operator's time in office: it takes the lease, keeps it, and hears when it has lost it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from swarmkeeper.store.lease import Lease
from swarmkeeper.store.opening import Place
from swarmkeeper.store.sql import Cursor, DatabaseError, SqlDatabase

_BEAT: Final = 0.7  # seconds
_WAIT: Final = 6.0  # seconds at the start: enough to notice that the last holder is paused
_STEP: Final = 0.2

_log = logging.getLogger(__name__)


class Tenure:
    """The lease on a store that others may use as well. Elsewhere the data folder's lock is enough.

    Args:
        place: of the store.
        database: opened there.

    Raises:
        DatabaseError: another operator acts on this store.
    """

    def __init__(self, place: Place, database: SqlDatabase) -> None:
        self._lease: Lease | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = False
        """Whether another operator has taken over."""
        if database.shared:
            name = f"{socket.gethostname()}/{os.getpid()}"
            self._lease = Lease(database, place.hold(), name)
            _wait_for(self._lease)

    def check(self, cursor: Cursor) -> None:
        """Lets a transaction pass only while this operator may act; see `Lease.check`."""
        if self._lease is not None:
            self._lease.check(cursor)

    def keep(self, lost: Callable[[], object]) -> None:
        """Renews the lease on a thread of its own, and calls when that is no longer possible."""
        if self._lease is not None:
            arguments = (self._lease, lost)
            self._thread = threading.Thread(target=self._beat, args=arguments, name="lease")
            self._thread.start()

    def end(self) -> None:
        """Gives the lease back: another operator may begin at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._lease is not None:
            self._lease.release()

    def _beat(self, lease: Lease, lost: Callable[[], object]) -> None:
        while not self._stop.wait(_BEAT):
            try:
                self.lost = not lease.renew()
            except DatabaseError as error:  # nobody can act now; it may be ours when it is back
                _log.debug("the lease can't be renewed", extra={"error": str(error)})
            if self.lost:
                _log.error("another operator has taken over")
                lost()
                return


def _wait_for(lease: Lease) -> None:
    deadline = time.monotonic() + _WAIT
    while not lease.acquire():
        if time.monotonic() > deadline:
            lease.release()
            raise DatabaseError(
                f"another operator acts on this store, {lease.holder()}: stop it first"
            )
        time.sleep(_STEP)
