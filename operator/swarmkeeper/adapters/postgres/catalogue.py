"""What lies in a folder of backups: their manifests, and whether their files are as they were."""

from __future__ import annotations

from pathlib import Path

from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.folder import told
from swarmkeeper.adapters.postgres.manifest import Manifest, ManifestError
from swarmkeeper.runtime.backup_tasks import Fault
from swarmkeeper.runtime.backups import CHANGED, Backup, Catalogue


def catalogue(folder: str, database: str) -> Catalogue:
    """Reads all manifests and compares sizes and times; reads no dump.

    Raises:
        BackupError: the folder can't be read.
    """
    path = Path(folder)
    with told(folder):
        if not path.is_dir():
            return Catalogue(exists=False)
        names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
    found: list[Backup] = []
    broken: dict[str, Fault] = {}
    strangers = []
    for name in names:
        try:
            found.append(describe(path / name, manifests.read(path / name), database))
        except (FileNotFoundError, NotADirectoryError):
            strangers.append(name)
        except ManifestError as error:
            broken[name] = Fault("ManifestUnreadable", f"its manifest can't be used: {error}")
    found.sort(key=lambda backup: (backup.taken_at, backup.name), reverse=True)
    return Catalogue(True, tuple(found), broken, tuple(strangers))


def describe(folder: Path, manifest: Manifest, database: str) -> Backup:
    """A backup by its manifest, and by what the file system says of its files."""
    pinned = (folder / manifests.KEEP).exists()
    return described(folder.name, manifest, _fault(folder, manifest, database), pinned=pinned)


def described(name: str, manifest: Manifest, fault: Fault | None, *, pinned: bool) -> Backup:
    """A backup by its manifest, and by what was found to be wrong with it."""
    return Backup(
        name=name,
        taken_at=manifest.taken_at,
        finished_at=manifest.finished_at,
        size=manifest.size,
        rows=manifest.total_rows,
        database=manifest.database,
        server_version=manifest.server_version,
        format=manifest.format,
        level=manifest.level,
        verified_at=manifest.verified_at,
        skew=(manifest.server_time - manifest.taken_at).total_seconds(),
        pinned=pinned,
        fault=fault,
        drill=manifest.drill,
    )


def sizes(folder: Path, manifest: Manifest) -> Fault | None:
    """What is missing, or of another size."""
    for path, file in manifest.files.items():
        try:
            size = (folder / path).stat().st_size
        except OSError:
            return Fault("FileMissing", f"{path} is missing")
        if size != file.size:
            text = f"{path} has {size} bytes, {file.size} were written"
            return Fault("Truncated" if size < file.size else "SizeChanged", text)
    return None


def _fault(folder: Path, manifest: Manifest, database: str) -> Fault | None:
    if manifest.database != database:
        return Fault("Foreign", f"it is of the database {manifest.database}")
    wrong_size = sizes(folder, manifest)
    if wrong_size is not None:
        return wrong_size
    for path, file in manifest.files.items():
        if (folder / path).stat().st_mtime_ns != file.mtime:
            return Fault(CHANGED, f"{path} has been written to since it was verified")
    return manifest.fault
