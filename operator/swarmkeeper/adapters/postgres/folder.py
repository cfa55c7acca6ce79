"""The folder of all backups of a database: one at work in it, whole backups or none.

A backup is written under a name that begins with a dot, and renamed once it is whole and on disk. Who
works in the folder holds a lock, which pg_dump inherits: what has such a name while nobody holds the
lock was left behind by somebody who was killed, and goes.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import files
from swarmkeeper.runtime.backups import BackupError

_LOCK: Final = ".lock"
_PARTIAL: Final = ".partial"
_REMOVED: Final = ".removed"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Held:
    """The folder while we hold its lock.

    Attributes:
        path: of the folder.
        lock: file descriptor that holds the lock, for children to inherit.
    """

    path: Path
    lock: int

    def begin(self, name: str, now: datetime) -> Path:
        """A new empty folder for a backup, under a temporary name."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        names = (f"{name}-{stamp}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
        free = next(name for name in names if not (self.path / name).exists())
        work = self.path / f".{free}{_PARTIAL}"
        work.mkdir(mode=0o700)
        return work

    def resume(self, name: str) -> Path:
        """A new empty folder for a backup whose name is known, under a temporary name."""
        work = self.path / f".{name}{_PARTIAL}"
        work.mkdir(mode=0o700)
        return work

    def publish(self, work: Path) -> str:
        """Gives a backup its name: from now on it counts."""
        name = work.name[1:].removesuffix(_PARTIAL)
        files.sync_all(work)
        work.rename(self.path / name)
        files.sync(self.path)
        return name

    def sweep(self) -> None:
        """Removes what was left behind."""
        for path in self.path.iterdir():
            if path.name.startswith(".") and path.name.endswith((_PARTIAL, _REMOVED)):
                files.remove(path)

    def remove(self, name: str) -> None:
        """Removes a backup: at once it counts no more, then its files go."""
        gone = self.path / f".{name}{_REMOVED}"
        if (self.path / name).exists():
            (self.path / name).rename(gone)
            files.sync(self.path)
        files.remove(gone)


@contextmanager
def held(folder: str) -> Iterator[Held]:
    """Holds the lock of a folder, which is made where only it is missing.

    Raises:
        BackupError: somebody else holds it, or it can't be written to.
    """
    path = Path(folder)
    with told(folder):
        if not path.is_dir():
            if not path.parent.is_dir():
                raise BackupError("FolderMissing", f"there is no {path.parent}: is it mounted?")
            path.mkdir(mode=0o700)
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("FolderBusy", f"another process works in {folder}") from None
        with told(folder):
            yield Held(path, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told(folder: str) -> Iterator[None]:
    """Says what the system refuses, in words.

    Raises:
        BackupError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = "DiskFull" if error.errno in _FULL else "FolderUnusable"
        raise BackupError(reason, f"{folder}: {error.strerror or error}") from None
