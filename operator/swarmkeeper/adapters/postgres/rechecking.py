"""Looks at backups again: verifies them, or restores them for a trial, and writes down what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import catalogue, checks, folder
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.checks import Dumped
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.drill import Stage, drill
from swarmkeeper.adapters.postgres.dumping import Open, Tell
from swarmkeeper.adapters.postgres.folder import Held
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.runtime.backup_tasks import DrillResult, Fault, Level, Recheck, Rehearsal
from swarmkeeper.runtime.backups import BackupError

_ABOUT_US: Final = ("Cancelled", "Timeout", "ProgramMissing", "VersionTooNew")


def recheck(task: Recheck, open_: Open, leash: Leash, tell: Tell) -> str:
    """Verifies a backup again, and writes down what was found: a fault is a result, not an error.

    Raises:
        BackupError: it could not be verified.
    """
    path = Path(task.folder) / task.backup
    with folder.held(task.folder) as held, folder.told(task.folder):
        manifest = read(path)
        tell("verify", path, 0)
        result = None
        fault = _fault(path, manifest, task, leash)
        if fault is None and task.checks.level.reaches(Level.DRILL):
            rehearsal = Rehearsal(task.folder, task.backup, task.now, task.checks.drill)
            result = _rehearsed(rehearsal, manifest, held, open_, leash)
            fault = result.fault
        missing = fault is not None and fault.reason == "FileMissing"
        manifests.write(
            path,
            replace(
                manifest,
                files=manifest.files if missing else _times(path, manifest),
                level=Level.NONE if fault else task.checks.level,
                verified_at=leash.later(task.now),
                fault=fault,
                drill=result or manifest.drill,
            ),
        )
    if fault is None:
        return f"verified {task.backup}: {task.checks.level}"
    return f"{task.backup} is damaged: {fault.message}"


def rehearse(task: Rehearsal, open_: Open, leash: Leash, tell: Tell) -> str:
    """Restores a backup for a trial, and writes down how that ended: a fault is a result.

    Raises:
        BackupError: it could not be tried.
    """
    path = Path(task.folder) / task.backup
    with folder.held(task.folder) as held, folder.told(task.folder):
        manifest = read(path)
        tell("drill", path, 0)
        result = _rehearsed(task, manifest, held, open_, leash)
        manifests.write(path, replace(manifest, drill=result))
    if result.fault is not None:
        return f"the restore of {task.backup} is no good: {result.fault.message}"
    return f"restored {task.backup} for a trial: {result.rows} rows in {result.seconds:.1f} s"


def _rehearsed(
    task: Rehearsal, manifest: Manifest, held: Held, open_: Open, leash: Leash
) -> DrillResult:
    place = task.drill.server
    access = open_(place) if place else None
    stage = Stage(Path(task.folder) / task.backup, task.folder, held.lock, access, leash)
    found = drill(manifest, task.drill, stage)
    return DrillResult(leash.later(task.now), found.seconds, found.rows, found.fault)


def read(path: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: there is none that can be used.
    """
    try:
        return manifests.read(path)
    except (FileNotFoundError, NotADirectoryError, manifests.ManifestError) as error:
        text = f"{path.name} has no manifest that can be used: {error}"
        raise BackupError("ManifestUnreadable", text) from None


def _fault(path: Path, manifest: Manifest, task: Recheck, leash: Leash) -> Fault | None:
    wrong_size = catalogue.sizes(path, manifest)
    if wrong_size is not None:
        return wrong_size
    found = checks.fingerprints(path, leash)
    for name, file in manifest.files.items():
        if found[name].sha256 != file.sha256:
            return Fault("ChecksumMismatch", f"{name} is not what was written")
    try:
        dumped = Dumped(path, manifest.format, task.database, manifest.program_major)
        checks.check(dumped, task.checks, leash)
    except BackupError as error:
        if error.reason in _ABOUT_US:
            raise
        return Fault(error.reason, error.message)
    return None


def _times(path: Path, manifest: Manifest) -> dict[str, manifests.File]:
    """The files as they were written, with the times that they have now."""
    return {
        name: replace(file, mtime=(path / name).stat().st_mtime_ns)
        for name, file in manifest.files.items()
    }
