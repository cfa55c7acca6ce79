"""What can be done with backups of Postgres databases: tasks as data, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from desired_state.secret_reference import SecretKeyReference


class Format(StrEnum):
    """How pg_dump writes."""

    CUSTOM = "custom"
    """One file for pg_restore, compressed."""
    DIRECTORY = "directory"
    """A folder for pg_restore, written by several jobs."""
    PLAIN = "plain"
    """SQL for psql, compressed by zstd."""


class Level(StrEnum):
    """How thoroughly a backup has been verified; each holds those above it."""

    NONE = "None"
    """It is there, as large as it was, and large enough."""
    LIST = "List"
    """Its table of contents can be read and names the database and the expected tables."""
    FULL = "Full"
    """All of it was read and decompressed, and its checksums hold."""
    DRILL = "Drill"
    """It was restored into a throw-away Postgres, and all rows were there."""

    def reaches(self, wanted: Level) -> bool:
        """Whether it is at least as thorough."""
        levels = list(Level)
        return levels.index(self) >= levels.index(wanted)


class Method(StrEnum):
    """How a backup takes the place of what is in use."""

    SWAP = "Swap"
    """It is restored into a new database, and the two change names."""
    IN_PLACE = "InPlace"
    """It is restored over what is there, in one transaction."""


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A database and how to reach its server, without any secret.

    Attributes:
        host: name or address, or the folder of a Unix socket.
        port: of the server.
        database: its name.
        username: who reads it.
        password: where the password lies.
        sslmode: as libpq has it.
        ca: where the CA's certificate lies.
        timeout: seconds that a connection may take.
    """

    host: str
    port: int
    database: str
    username: str
    password: SecretKeyReference | None = None
    sslmode: str = "prefer"
    ca: SecretKeyReference | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in an S3-compatible store, and how to reach it, without any secret.

    Attributes:
        name: of the bucket.
        prefix: of all objects of this database; without a slash at its end.
        access_key: where the access key lies.
        secret_key: where the secret key lies.
        endpoint: URL of the store; empty for that of AWS.
        region: of the bucket.
        ca: where the CA's certificate lies; None for those that everybody trusts.
        path_style: whether the bucket stands in the path, not in the name of the host.
        timeout: seconds that the store may be silent.
    """

    name: str
    prefix: str
    access_key: SecretKeyReference
    secret_key: SecretKeyReference
    endpoint: str = ""
    region: str = "us-east-1"
    ca: SecretKeyReference | None = None
    path_style: bool = True
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Drill:
    """How a backup is restored for a trial.

    Attributes:
        assertions: (name, SQL that must give true) on the restored database.
        jobs: tables that are restored at once.
        scratch: folder for a throw-away server; empty for the system's own.
        server: where a throw-away database is made instead; None for a server of our own.
        database: name of that database: it is dropped before and after.
    """

    assertions: tuple[tuple[str, str], ...] = ()
    jobs: int = 2
    scratch: str = ""
    server: DatabaseServer | None = None
    database: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a backup does not count.

    Attributes:
        reason: CamelCase word.
        message: for people.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DrillResult:
    """How a restore drill ended.

    Attributes:
        at: when.
        seconds: that the restore took.
        rows: that were found.
        fault: what was wrong, or None.
    """

    at: datetime
    seconds: float
    rows: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """What a backup must stand.

    Attributes:
        level: how thoroughly it is verified.
        minimum_size: bytes.
        expected_tables: `schema.table`, whose rows must be in it.
        drill: how it is restored for a trial, by the level Drill.
    """

    level: Level = Level.FULL
    minimum_size: int = 1
    expected_tables: tuple[str, ...] = ()
    drill: Drill = field(default_factory=Drill)


@dataclass(frozen=True, slots=True)
class Dump:
    """A backup that is to be taken.

    Attributes:
        name: of the object; the backup's name begins with it.
        server: of what.
        folder: of all backups of this database.
        now: when it begins.
        format: how it is written.
        compression: method, or method:level; empty for pg_dump's own.
        jobs: tables that are dumped at once; in the format `directory` only.
        checks: what it must stand before it counts.
        lock_timeout: seconds to wait for a table that somebody has locked.
        timeout: seconds that all of it may take.
        newest: the newest backup that counted when this was planned, or empty; where there is
            another one by now, none is taken. None: one is taken in any case.
    """

    name: str
    server: DatabaseServer
    folder: str
    now: datetime
    format: Format = Format.CUSTOM
    compression: str = ""
    jobs: int = 1
    checks: Checks = field(default_factory=Checks)
    lock_timeout: float = 60.0
    timeout: float = 21600.0
    newest: str | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """A backup that is to be verified again.

    Attributes:
        folder: of all backups of this database.
        backup: its name there.
        database: that it must be of.
        now: when that begins.
        checks: what it must stand.
        timeout: seconds that it may take.
        bucket: where it is fetched from, where the folder does not hold it; None: nowhere.
    """

    folder: str
    backup: str
    database: str
    now: datetime
    checks: Checks
    timeout: float = 21600.0
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A backup that is to be restored for a trial.

    Attributes:
        folder: of all backups of this database.
        backup: its name there.
        now: when that begins.
        drill: how.
        timeout: seconds that it may take.
        bucket: where it is fetched from, where the folder does not hold it; None: nowhere.
    """

    folder: str
    backup: str
    now: datetime
    drill: Drill
    timeout: float = 21600.0
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class Restore:
    """A backup that is to take the place of the database.

    Attributes:
        folder: of all backups of this database.
        backup: its name there.
        server: the database, and who may make and rename databases.
        now: when that begins.
        token: identity of the request: it is done once.
        safety: the backup that is taken of the database before; None: none is.
        jobs: tables that are restored at once.
        drain: seconds that clients get to end what they are at, before they lose their connections.
        reconnect: seconds that those who were connected get to come back.
        timeout: seconds that all of it may take.
        method: how it takes that place.
        bucket: where it is fetched from, where the folder does not hold it; None: nowhere.
    """

    folder: str
    backup: str
    server: DatabaseServer
    now: datetime
    token: str
    safety: Dump | None
    jobs: int = 2
    drain: float = 10.0
    reconnect: float = 30.0
    timeout: float = 21600.0
    method: Method = Method.SWAP
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class SwapBack:
    """A former database that is to take its place again.

    Attributes:
        server: the database, and who may rename databases.
        now: when that begins.
        token: identity of the request: it is done once.
        former: name of the former database; empty for the newest one.
        drain: seconds that clients get to end what they are at.
        reconnect: seconds that those who were connected get to come back.
        timeout: seconds that all of it may take.
    """

    server: DatabaseServer
    now: datetime
    token: str
    former: str = ""
    drain: float = 10.0
    reconnect: float = 30.0
    timeout: float = 3600.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A backup that is to be put into a bucket as well.

    Attributes:
        folder: of all backups of this database.
        backup: its name there.
        bucket: where it is to be.
        now: when that begins.
        timeout: seconds that it may take.
    """

    folder: str
    backup: str
    bucket: Bucket
    now: datetime
    timeout: float = 21600.0


Task = Dump | Recheck | Rehearsal | Restore | SwapBack | Upload
