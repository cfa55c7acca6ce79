"""What kinds may ask about backups of Postgres databases: the port, and what it gives.

A backup is a folder that holds the dump and `manifest.json`. What has no manifest is no backup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from swarmkeeper.runtime.backup_tasks import Bucket, DrillResult, Fault, Format, Level, Task

SKEW: Final = timedelta(minutes=5)
"""How far clocks may be apart before they are not believed."""


CHANGED: Final = "Changed"
"""Reason of the fault that only a verification can judge: the files have been written to."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as it lies there.

    Attributes:
        name: of its folder.
        taken_at: when the dump began: the state that it holds.
        finished_at: when it was written and verified.
        size: bytes of the dump.
        rows: in all tables; None where the manifest has none.
        database: that it is of.
        server_version: e.g. `15.18`.
        format: how it is written.
        level: how thoroughly it has been verified.
        verified_at: when.
        skew: seconds that the server's clock was ahead of ours.
        pinned: people have said that it is kept.
        fault: why it does not count, or None.
        drill: how its last restore drill ended, or None.
        local: whether the folder holds it.
        uploaded: whether the bucket holds all of it as it was written; None where there is no bucket,
            or where it can't be looked at.
        upload_fault: what is wrong with it in the bucket, where something of it is there.
    """

    name: str
    taken_at: datetime
    finished_at: datetime
    size: int
    rows: int | None
    database: str
    server_version: str
    format: Format
    level: Level
    verified_at: datetime
    skew: float = 0.0
    pinned: bool = False
    fault: Fault | None = None
    drill: DrillResult | None = None
    local: bool = True
    uploaded: bool | None = None
    upload_fault: Fault | None = None

    def counts(self, wanted: Level, now: datetime) -> bool:
        """Whether it is whole, verified thoroughly enough, and not from the future."""
        timely = self.taken_at <= now + SKEW
        return self.fault is None and self.level.reaches(wanted) and timely


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What lies in a folder, and in a bucket.

    Attributes:
        exists: whether the folder does.
        backups: newest first.
        broken: folders whose manifest can't be read, and why.
        strangers: what else is there, and never counts.
        bucket_fault: why the bucket can't be looked at, or None; then all this is of the folder alone.
    """

    exists: bool = True
    backups: tuple[Backup, ...] = ()
    broken: Mapping[str, Fault] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    bucket_fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is.

    Attributes:
        doing: what it does, e.g. `dump`.
        done: bytes.
        expected: bytes in the end, by the last backup; 0 where that is not known.
        seconds: since it began.
    """

    doing: str
    done: int
    expected: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A backup that could not be taken.

    Attributes:
        reason: CamelCase word.
        message: for people.
        at: when.
    """

    reason: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Activity:
    """What this process does and did for one object.

    Attributes:
        progress: of the task that is under way, or None.
        failure: the last backup that failed, or None.
    """

    progress: Progress | None = None
    failure: Failure | None = None


class BackupError(Exception):
    """It can't be done.

    Args:
        reason: CamelCase word for the condition.
        message: for people; holds no secret.
        cost: seconds that were spent on it.
    """

    def __init__(self, reason: str, message: str, cost: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.cost = cost


class Backups(Protocol):
    """Backups of Postgres databases. Thread-safe; no call waits for a task."""

    def catalogue(self, folder: str, database: str, bucket: Bucket | None = None) -> Catalogue:
        """What lies in a folder, and in a bucket; no dump is read.

        Args:
            folder: of all backups of a database.
            database: that they must be of.
            bucket: that holds them as well; None: there is none.

        Raises:
            BackupError: it can't be looked at.
        """
        ...

    def activity(self, owner: str) -> Activity:
        """What is under way for an object, and what failed last."""
        ...

    def attend(self, owner: str, token: str, task: Task) -> str | None:
        """Begins a task, or follows the one that was begun under the same token.

        Of one object's tasks one runs at a time; another one begins when that has ended.

        Args:
            owner: identity of the object.
            token: identity of the step.
            task: what to do.

        Returns:
            What was done, once; None while it is under way.

        Raises:
            BackupError: it failed. Asking again begins anew.
        """
        ...

    def cancel(self, owner: str) -> bool:
        """Ends what is under way for an object; whether there was anything."""
        ...

    def expire(self, folder: str, names: Sequence[str], bucket: Bucket | None = None) -> None:
        """Removes backups, from a bucket as well; what was removed before is no error.

        Raises:
            BackupError: it can't be removed.
        """
        ...

    def prune(self, folder: str, names: Sequence[str], bucket: Bucket) -> tuple[str, ...]:
        """Removes backups from the folder that the bucket holds, as a fresh look shows.

        Returns:
            What was removed.

        Raises:
            BackupError: it can't be removed.
        """
        ...


class _NoBackups:
    """Where there is no client of Postgres."""

    def catalogue(self, folder: str, database: str, bucket: Bucket | None = None) -> Catalogue:
        raise _NONE

    def activity(self, owner: str) -> Activity:
        return Activity()

    def attend(self, owner: str, token: str, task: Task) -> str | None:
        raise _NONE

    def cancel(self, owner: str) -> bool:
        return False

    def expire(self, folder: str, names: Sequence[str], bucket: Bucket | None = None) -> None:
        raise _NONE

    def prune(self, folder: str, names: Sequence[str], bucket: Bucket) -> tuple[str, ...]:
        raise _NONE


_NONE: Final = BackupError("FolderMissing", "there are no backups in this process")
NO_BACKUPS: Final[Backups] = _NoBackups()
"""Sees no folder and reaches no server."""
