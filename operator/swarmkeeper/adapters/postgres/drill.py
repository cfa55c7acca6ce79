"""The restore drill: a backup is restored for real, its rows are counted, and assertions are asked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from swarmkeeper.adapters.postgres import checks, children, throwaway
from swarmkeeper.adapters.postgres.checks import NAMES, Dumped
from swarmkeeper.adapters.postgres.children import Command, Leash
from swarmkeeper.adapters.postgres.connection import Access, line, reason_of
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.adapters.postgres.programs import programs_for, zstd
from swarmkeeper.adapters.postgres.throwaway import Scratch
from swarmkeeper.runtime.backup_tasks import Checks, Drill, Fault, Format, Level
from swarmkeeper.runtime.backups import BackupError

_ASSERTION_TIMEOUT: Final = "SET statement_timeout = '5min'"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a drill needs beside the backup.

    Attributes:
        folder: of the backup.
        backups: folder of all backups.
        lock: file descriptor of the folder's lock.
        access: to the server of the drill; None for a server of our own.
        leash: what ends it early.
    """

    folder: Path
    backups: str
    lock: int
    access: Access | None
    leash: Leash


@dataclass(frozen=True, slots=True)
class Result:
    """How a drill ended.

    Attributes:
        seconds: that the restore took: what a real one takes, about.
        rows: that were found.
        fault: why the backup is no good; None where it is.
    """

    seconds: float
    rows: int
    fault: Fault | None = None


def drill(manifest: Manifest, how: Drill, stage: Stage) -> Result:
    """Restores a backup into a throw-away Postgres and looks at it there.

    Raises:
        BackupError: it could not be tried; that says nothing about the backup.
    """
    with _place(manifest, how, stage) as access:
        started = time.monotonic()
        try:
            checks.check(_dumped(manifest, stage), Checks(Level.LIST), stage.leash)
            restore(manifest, access, stage, how.jobs)
        except BackupError as error:
            if error.reason in _ABOUT_US:
                raise
            return Result(time.monotonic() - started, 0, Fault(error.reason, error.message))
        seconds = time.monotonic() - started
        with access.connect() as connection:
            rows, fault = count(connection, manifest, stage.leash)
            fault = fault or _assertions(connection, how, stage.leash)
        return Result(seconds, rows, fault)


_ABOUT_US: Final = (
    *("Cancelled", "Timeout", "ProgramMissing", "VersionTooNew", "DiskFull", "ExtensionMissing"),
    *("ServerUnreachable", "AuthenticationFailed", "PermissionDenied", "TooManyConnections"),
)


def _dumped(manifest: Manifest, stage: Stage) -> Dumped:
    return Dumped(stage.folder, manifest.format, manifest.database, manifest.program_major)


def restore(manifest: Manifest, access: Access, stage: Stage, jobs: int) -> None:
    """Restores a backup into an empty database; any error ends it.

    Raises:
        BackupError: it can't be restored.
    """
    dump = stage.folder / NAMES[manifest.format]
    programs = programs_for(manifest.program_major)
    if manifest.format is Format.PLAIN:
        unpack = Command([zstd(), "-dcq", str(dump)])
        words = [programs.path("psql"), "--no-psqlrc", "--quiet", "--single-transaction"]
        words += ["--set=ON_ERROR_STOP=1", f"--dbname={access.dsn}"]
        ended = children.run(
            [unpack, Command(words, access.env)], stage.leash, stdout=subprocess.DEVNULL
        )
    else:
        words = [programs.path("pg_restore"), "--exit-on-error", f"--jobs={jobs}"]
        words += ["--no-password", f"--dbname={access.dsn}", str(dump)]
        ended = children.run([Command(words, access.env)], stage.leash, stdout=subprocess.DEVNULL)
    for one in reversed(ended):
        if one.code:
            raise BackupError(_reason(one.said), f"{one.name}: {line(one.said)}")


def count(
    connection: psycopg.Connection[tuple[object, ...]], manifest: Manifest, leash: Leash
) -> tuple[int, Fault | None]:
    """Counts the rows of all tables, and compares them with the manifest."""
    total = 0
    for table, wanted in manifest.rows.items():
        leash.check()
        schema, _, name = table.partition(".")
        query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, name))
        try:
            (found,) = connection.execute(query).fetchone() or (0,)
        except psycopg.Error as error:
            return total, Fault("TableMissing", f"{table}: {line(str(error))}")
        total += int(str(found))
        if found != wanted:
            return total, Fault("RowsDiffer", f"{table} has {found} rows, {wanted} were dumped")
    return total, None


def _assertions(
    connection: psycopg.Connection[tuple[object, ...]], how: Drill, leash: Leash
) -> Fault | None:
    connection.execute(_ASSERTION_TIMEOUT)
    for name, query in how.assertions:
        leash.check()
        try:
            row = connection.execute(query.encode()).fetchone()
        except psycopg.Error as error:
            return Fault("AssertionFailed", f"{name}: {line(str(error))}")
        if row is None or row[0] is not True:
            found = "nothing" if row is None else repr(row[0])
            return Fault("AssertionFailed", f"{name}: it gives {found}, not true")
    return None


@contextmanager
def _place(manifest: Manifest, how: Drill, stage: Stage) -> Iterator[Access]:
    if stage.access is not None:
        with throwaway.database(stage.access, manifest, how.database) as access:
            yield access
    else:
        scratch = Scratch.of(how.scratch, stage.backups)
        with throwaway.server(manifest, scratch, stage.lock, stage.leash) as access:
            yield access


def _reason(said: str) -> str:
    if "extension" in said and "is not available" in said:
        return "ExtensionMissing"
    return reason_of(said, "RestoreFailed")
