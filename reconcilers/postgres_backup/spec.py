"""The spec of a PostgresBackup: of which database, how often, where to, and what counts as good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import Bytes, Duration
from desired_state.objects import CommonSpec, Dependency
from desired_state.secret_reference import SecretKeyReference
from desired_state.windows import Schedule, TimeZone
from reconcilers.postgres_backup.destination import S3
from swarmkeeper.runtime.backup_tasks import (
    Checks,
    DatabaseServer,
    Drill,
    Dump,
    Format,
    Level,
    Method,
)

GRACE: Final = timedelta(hours=1)
"""How late a scheduled backup may be where no maximumAge is declared."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Compression = Annotated[str, StringConstraints(pattern=r"^(none|(gzip|lz4|zstd)(:\d{1,2})?)$")]


def _folder(path: str) -> str:
    if not path.startswith("/") or path == "/" or ".." in path.split("/"):
        raise ValueError("is no absolute path of a folder, e.g. /backups/orders")
    return path


def _table(name: str) -> str:
    schema, dot, table = name.partition(".")
    if not (schema and dot and table):
        raise ValueError(f"{name!r} names no table: write schema.table")
    return name


def _format(value: object) -> object:
    if value == "tar":
        raise ValueError(
            "tar is refused: pg_restore restores half of a tar that was cut in half and reports "
            "success; use custom"
        )
    return value


FolderPath = Annotated[str, AfterValidator(_folder)]
Table = Annotated[str, AfterValidator(_table)]
DumpFormat = Annotated[Format, BeforeValidator(_format)]


class SslMode(StrEnum):
    """How a connection is encrypted, as libpq has it."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class Server(DeclaredModel):
    """The database, and how to reach its server."""

    host: str = Field(min_length=1)
    """Name or address of the server, or the folder of its Unix socket."""
    port: int = Field(default=5432, ge=1, le=65535)
    """Its port."""
    database: Name
    """The database that is backed up."""
    username: Name = "postgres"
    """A role that may read all of it."""
    password_secret_ref: SecretKeyReference | None = None
    """Secret with the password."""
    sslmode: SslMode = SslMode.PREFER
    """As libpq has it; verify-full checks the server's certificate."""
    ca_secret_ref: SecretKeyReference | None = None
    """CA that the server's certificate is checked against."""
    timeout: Duration = Field(default=timedelta(seconds=10), ge=timedelta(seconds=2))
    """How long a connection may take."""


class Verification(DeclaredModel):
    """What a backup must stand before it counts."""

    level: Level = Level.FULL
    """None (age and size), List (table of contents), Full (all of it is read) or Drill (restored)."""
    every: Duration = Field(default=timedelta(days=7), ge=timedelta(minutes=1))
    """How often each backup is verified again: disks forget."""


class Assertion(DeclaredModel):
    """Something that must be true of a restored database."""

    name: Name
    """What it is about, for people."""
    sql: str = Field(min_length=1)
    """One query whose first value must be true."""


class RestoreDrill(DeclaredModel):
    """How backups are restored for a trial."""

    every: Duration = Field(default=timedelta(days=7), ge=timedelta(minutes=1))
    """How often the newest backup is restored for a trial."""
    assertions: tuple[Assertion, ...] = ()
    """What must be true of the restored database, besides the number of rows of each table."""
    jobs: int = Field(default=2, ge=1, le=64)
    """Tables that are restored at once."""
    folder: FolderPath | None = None
    """Where the throw-away server lies; by default in the system's folder for temporary files."""
    server: Server | None = None
    """A server on which a throw-away database is made instead; `database` is the one to connect to."""


class RestoreAs(DeclaredModel):
    """Who restores, when people ask for it, and how."""

    method: Method = Method.SWAP
    """Swap (into a new database; the former one stays), or InPlace (over it, in one transaction)."""
    username: Name | None = None
    """A role that may make and rename databases and end connections; by default that of the server."""
    password_secret_ref: SecretKeyReference | None = None
    """Secret with its password."""
    drain: Duration = timedelta(seconds=10)
    """How long clients get to end what they are at, before they lose their connections."""
    reconnect: Duration = timedelta(seconds=30)
    """How long clients that were connected get to come back, before it is told who has not."""
    health_checks: tuple[Dependency, ...] = ()
    """Objects that must be Ready after a restore or a swap back, e.g. the services that use the database."""
    health_delay: Duration = timedelta(seconds=10)
    """How long each of them must have been Ready without a break."""
    health_timeout: Duration = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """How long they may take; then the run has failed, and nothing is undone by itself."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.health_delay >= self.health_timeout:
            raise ValueError("healthDelay must be shorter than healthTimeout")
        return self


class Retention(DeclaredModel):
    """What is kept; without keepLast and keepFor nothing is removed."""

    keep_last: int | None = Field(default=None, ge=1)
    """Verified backups that are kept, the newest ones."""
    keep_for: Duration | None = Field(default=None, gt=timedelta(0))
    """How long a backup is kept after it was taken."""
    minimum_redundancy: int = Field(default=2, ge=1)
    """Verified backups that stay in any case."""


class PostgresBackupSpec(CommonSpec):
    """Backups of one database: taken in time, verified, and kept."""

    server: Server
    """The database."""
    schedule: Schedule | None = None
    """When backups are taken, as cron has it: minute, hour, day of month, month, day of week."""
    time_zone: TimeZone = "UTC"
    """Whose clock the schedule goes by, e.g. America/Sao_Paulo."""
    maximum_age: Duration | None = Field(default=None, ge=timedelta(minutes=1))
    """How old the newest verified backup may be; older, one is taken outside of the schedule, too."""
    minimum_size: Bytes = Field(default=1, ge=1)
    """A dump that is smaller does not count."""
    format: DumpFormat = Format.CUSTOM
    """custom (one file), directory (several jobs) or plain (SQL, compressed by zstd)."""
    compression: Compression | None = None
    """none, gzip, lz4 or zstd, with `:level`; by default pg_dump's own."""
    jobs: int = Field(default=1, ge=1, le=64)
    """Tables that are dumped at once; with the format directory."""
    folder: FolderPath
    """Where the backups of this database lie: a folder of its own, on a volume."""
    s3: S3 | None = None
    """A bucket that holds all backups as well."""
    expected_tables: tuple[Table, ...] = ()
    """Tables (`schema.table`) whose rows must be in each backup."""
    verification: Verification = Verification()
    """How thoroughly a backup is verified, and how often again."""
    restore_drill: RestoreDrill | None = None
    """Restores the newest backup for a trial from time to time."""
    restore: RestoreAs = RestoreAs()
    """How a backup is restored by the runbook `restore`."""
    retention: Retention = Retention()
    """What is kept."""
    lock_timeout: Duration = timedelta(minutes=1)
    """How long to wait for a table that somebody has locked."""
    backup_timeout: Duration = Field(default=timedelta(hours=6), ge=timedelta(seconds=1))
    """How long a backup, or a verification, may take."""
    retry_interval: Duration | None = timedelta(minutes=10)
    """Longest wait between attempts after a failure."""
    healthy_delay: Duration = timedelta(0)
    """How long a correction must last to count as a success; none: backups grow old by themselves."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.schedule is None and self.maximum_age is None:
            raise ValueError("declares neither schedule nor maximumAge: when is a backup due?")
        if self.jobs > 1 and self.format is not Format.DIRECTORY:
            raise ValueError("jobs needs the format directory")
        if self.format is Format.PLAIN and self.restore.method is Method.IN_PLACE:
            raise ValueError("restore.method: InPlace needs the format custom or directory")
        packed = (self.compression or "zstd").partition(":")[0]
        if self.format is Format.PLAIN and packed != "zstd":
            raise ValueError("compression: the format plain is compressed by zstd")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock of the schedule."""
        return ZoneInfo(self.time_zone)

    def due_after(self, taken: datetime) -> datetime | None:
        """When the schedule fires next after a backup was taken, in UTC; None without a schedule."""
        if self.schedule is None:
            return None
        for fires in CronSim(self.schedule, taken.astimezone(self.zone)):
            if fires.astimezone(UTC) > taken:
                return fires.astimezone(UTC)
        return None


def server_of(server: Server) -> DatabaseServer:
    """A database, as the port names it."""
    return DatabaseServer(
        server.host,
        server.port,
        server.database,
        server.username,
        server.password_secret_ref,
        server.sslmode,
        server.ca_secret_ref,
        server.timeout.total_seconds(),
    )


def admin_of(spec: PostgresBackupSpec) -> DatabaseServer:
    """The database, by the role that restores."""
    server, who = server_of(spec.server), spec.restore
    if who.username is None:
        return server
    return replace(server, username=who.username, password=who.password_secret_ref)


def checks_of(spec: PostgresBackupSpec, name: str) -> Checks:
    """What a backup must stand, as the port wants it; `name` is that of the object."""
    level = spec.verification.level
    return Checks(level, spec.minimum_size, spec.expected_tables, drill_of(spec, name))


def drill_of(spec: PostgresBackupSpec, name: str) -> Drill:
    """How backups are restored for a trial, as the port wants it."""
    how = spec.restore_drill or RestoreDrill()
    return Drill(
        tuple((assertion.name, assertion.sql) for assertion in how.assertions),
        how.jobs,
        how.folder or "",
        server_of(how.server) if how.server else None,
        f"swarmkeeper_drill_{name}"[:63],
    )


def dump_of(spec: PostgresBackupSpec, name: str, now: datetime) -> Dump:
    """The backup that would be taken now."""
    return Dump(
        name=name,
        server=server_of(spec.server),
        folder=spec.folder,
        now=now,
        format=spec.format,
        compression=spec.compression or "",
        jobs=spec.jobs,
        checks=checks_of(spec, name),
        lock_timeout=spec.lock_timeout.total_seconds(),
        timeout=spec.backup_timeout.total_seconds(),
    )
