"""Takes a backup: a snapshot, pg_dump, checksums, verification, the manifest, and only then its name."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import catalogue, checks, children, folder
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.census import Census, census
from swarmkeeper.adapters.postgres.checks import Dumped
from swarmkeeper.adapters.postgres.children import Command, Ended, Leash
from swarmkeeper.adapters.postgres.connection import Access, line, told
from swarmkeeper.adapters.postgres.drill import Stage, drill
from swarmkeeper.adapters.postgres.folder import Held
from swarmkeeper.adapters.postgres.jobs import Counter
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.adapters.postgres.programs import Programs, programs_for, zstd
from swarmkeeper.runtime.backup_tasks import DatabaseServer, DrillResult, Dump, Format, Level
from swarmkeeper.runtime.backups import Backup, BackupError

Open = Callable[[DatabaseServer], Access]
"""Gives access to a server, with its secrets as they are now; raises BackupError."""
Tell = Callable[[str, Path | Counter, int], None]
"""Says what is done, what grows meanwhile, and how large it will be."""
_NEW_METHODS: Final = 16  # the version of pg_dump that knows more than gzip


def take(task: Dump, open_: Open, leash: Leash, tell: Tell) -> str:
    """Takes a backup.

    Args:
        task: what to do.
        open_: gives access to a server.
        leash: what ends it early.
        tell: of the progress.

    Returns:
        What was done.

    Raises:
        BackupError: there is no backup; nothing of it counts.
    """
    access = open_(task.server)
    with folder.held(task.folder) as held, folder.told(task.folder):
        held.sweep()
        last = _last(task)
        if task.newest is not None and last is not None and last.name != task.newest:
            return f"{last.name} was taken meanwhile"
        expected = last.size if last is not None else 0
        _require_room(held.path, expected)
        with census(access, task.lock_timeout) as found:
            taken_at = leash.later(task.now)
            programs = programs_for(found.major)
            work = held.begin(task.name, task.now)
            tell("dump", work, expected)
            _dump(task, access, found, _Dumping(programs, work, held.lock, leash))
            found.finish()
        tell("verify", work, 0)
        dumped = Dumped(work, task.format, task.server.database, programs.major)
        checks.check(dumped, task.checks, leash)
        manifest = _manifest(task, found, dumped, taken_at, leash)
        if task.checks.level.reaches(Level.DRILL):
            manifest = _drilled(task, manifest, _stage(task, held, work, open_, leash), tell)
        manifests.write(work, manifest)
        name = held.publish(work)
    seconds = manifest.finished_at - manifest.taken_at
    return (
        f"took {name}: {manifest.size} bytes, {manifest.total_rows} rows of {len(manifest.rows)} "
        f"tables in {seconds.total_seconds():.1f} s, verified: {manifest.level}"
    )


@dataclass(frozen=True, slots=True)
class _Dumping:
    """What one run of pg_dump needs beside the task."""

    programs: Programs
    work: Path
    lock: int
    leash: Leash


def _dump(task: Dump, access: Access, found: Census, how: _Dumping) -> None:
    target = how.work / checks.NAMES[task.format]
    words = [how.programs.path("pg_dump"), "--no-password", f"--dbname={access.dsn}"]
    words += [f"--snapshot={found.snapshot}", f"--format={task.format}"]
    words += [f"--lock-wait-timeout={round(task.lock_timeout * 1000)}"]
    words += _compression(task, how.programs)
    if task.format is Format.DIRECTORY:
        words += [f"--jobs={task.jobs}"]
    if task.format is not Format.PLAIN:
        words += [f"--file={target}"]
    dump = Command(words, access.env, (how.lock,))
    if task.format is not Format.PLAIN:
        ended = children.run([dump], how.leash, stdout=subprocess.DEVNULL)
    else:
        level = task.compression.partition(":")[2] or "3"
        pack = Command([zstd(), f"-{level}", "-q", "-o", str(target)], {}, (how.lock,))
        ended = children.run([dump, pack], how.leash, stdout=subprocess.DEVNULL)
    _require_success(task, ended)


def _compression(task: Dump, programs: Programs) -> list[str]:
    method, _, level = task.compression.partition(":")
    if not method or task.format is Format.PLAIN:
        return []
    if programs.major >= _NEW_METHODS:
        return [f"--compress={task.compression}"]
    if method not in {"gzip", "none"}:
        text = f"{method} needs pg_dump 16, here is {programs.major}: use gzip"
        raise BackupError("CompressionUnsupported", text)
    return [f"--compress={level or 6}" if method == "gzip" else "--compress=0"]


def _require_success(task: Dump, ended: Sequence[Ended]) -> None:
    # What packs ends first where the disk is full, and pg_dump by the broken pipe.
    failed = [one for one in reversed(ended) if one.code]
    if not failed:
        return
    one = failed[0]
    if one.code < 0 and not one.said:
        raise BackupError("DumpKilled", f"{one.name} was killed by signal {-one.code}")
    if one.name == "pg_dump":
        raise told(task.server, one.said, "DumpFailed")
    reason = "DiskFull" if "No space left" in one.said else "DumpFailed"
    raise BackupError(reason, f"{one.name}: {line(one.said)}")


def _manifest(
    task: Dump, found: Census, dumped: Dumped, taken_at: datetime, leash: Leash
) -> Manifest:
    fingerprints = checks.fingerprints(dumped.folder, leash)
    finished = leash.later(task.now)
    return Manifest(
        object=task.name,
        database=task.server.database,
        server_version=found.server_version,
        program_major=dumped.major,
        format=task.format,
        taken_at=taken_at,
        server_time=found.server_time,
        finished_at=finished,
        files=fingerprints,
        rows=found.rows,
        extensions=found.extensions,
        encoding=found.encoding,
        roles=found.roles,
        database_size=found.database_size,
        level=task.checks.level,
        verified_at=finished,
    )


def _stage(task: Dump, held: Held, work: Path, open_: Open, leash: Leash) -> Stage:
    place = task.checks.drill.server
    return Stage(work, task.folder, held.lock, open_(place) if place else None, leash)


def _drilled(task: Dump, manifest: Manifest, stage: Stage, tell: Tell) -> Manifest:
    """The manifest with the result of a restore drill, which must be good."""
    tell("drill", stage.folder, 0)
    result = drill(manifest, task.checks.drill, stage)
    if result.fault is not None:
        raise BackupError(result.fault.reason, f"restore drill: {result.fault.message}")
    at = stage.leash.later(task.now)
    return replace(manifest, finished_at=at, drill=DrillResult(at, result.seconds, result.rows))


def _last(task: Dump) -> Backup | None:
    """The newest backup that counts."""
    known = catalogue.catalogue(task.folder, task.server.database).backups
    return next((one for one in known if one.counts(task.checks.level, task.now)), None)


def _require_room(path: Path, expected: int) -> None:
    free = shutil.disk_usage(path).free
    if free < expected:
        text = f"{path} has {free} bytes left, the last backup took {expected}"
        raise BackupError("DiskFull", text)
