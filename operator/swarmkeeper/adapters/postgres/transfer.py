"""Brings backups from the folder into the bucket, and back: whole ones, compared by their SHA-256."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from swarmkeeper.adapters.postgres import catalogue, folder, remote
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.dumping import Tell
from swarmkeeper.adapters.postgres.folder import Held
from swarmkeeper.adapters.postgres.jobs import Counter
from swarmkeeper.adapters.postgres.manifest import Manifest, ManifestError
from swarmkeeper.adapters.postgres.rechecking import read
from swarmkeeper.adapters.postgres.s3 import Item, Store
from swarmkeeper.runtime.backup_tasks import Fault, Level, Upload
from swarmkeeper.runtime.backups import BackupError


def upload(task: Upload, store: Store, leash: Leash, tell: Tell) -> str:
    """Puts a backup into the bucket: its files first, its manifest last.

    Returns:
        What was done; that the backup is damaged, too.

    Raises:
        BackupError: it is not there; nothing of it counts.
    """
    path = Path(task.folder) / task.backup
    with folder.held(task.folder) as held, folder.told(task.folder):
        manifest = read(path)
        store.abort_uploads()
        remote.sweep(store, _names(held))
        sent = Counter()
        tell("upload", sent, manifest.size)
        damage = _send(path, manifest, store, leash, sent)
        if damage is not None:
            manifests.write(path, replace(manifest, level=Level.NONE, fault=damage))
            return f"{task.backup} is damaged: {damage.message}"
        if (path / manifests.KEEP).exists():
            store.put(f"{task.backup}/{manifests.KEEP}", b"")
        _conclude(task.backup, manifest, store)
    return f"uploaded {task.backup} to {store.bucket.name}: {sent.bytes} bytes"


def fetch(place: str, name: str, store: Store, leash: Leash, tell: Tell) -> None:
    """Brings a backup into the folder, where it is not there.

    Raises:
        BackupError: it can't be brought, or is not what was written: that is written down there.
    """
    with folder.held(place) as held, folder.told(place):
        if (held.path / name).exists():
            return
        held.sweep()
        try:
            manifest = remote.read(store, name)
        except ManifestError as error:
            text = f"{name} has no manifest that can be used: {error}"
            raise BackupError("ManifestUnreadable", text) from None
        _require_room(held.path, manifest.size)
        got = Counter()
        tell("fetch", got, manifest.size)
        work = held.resume(name)
        found = _receive(work, name, manifest, store, leash, got)
        manifests.write(work, found)
        held.publish(work)


def settle(place: str, name: str, store: Store) -> None:
    """Writes what is known of a backup into the bucket's manifest, where it holds the same dump.

    Raises:
        BackupError: it can't be written.
    """
    here = read(Path(place) / name)
    with suppress(ManifestError):
        there = remote.read(store, name)
        if here.fault is None and _checksums(here) == _checksums(there):
            remote.write(store, name, replace(here, etags=there.etags))


def prune(place: str, names: Sequence[str], store: Store) -> tuple[str, ...]:
    """Removes backups from the folder that the bucket holds wholly; what people pinned stays.

    Raises:
        BackupError: it can't be removed.
    """
    with folder.held(place) as held, folder.told(place):
        pinned = {name for name in names if (held.path / name / manifests.KEEP).exists()}
        may_go = [name for name in names if name not in pinned and remote.holds(store, name)]
        for name in may_go:
            held.remove(name)
    return tuple(may_go)


def expire(place: str, names: Sequence[str], store: Store) -> None:
    """Removes backups: from the folder first, as what it alone held would be uploaded again.

    Raises:
        BackupError: they can't be removed.
    """
    with folder.held(place) as held, folder.told(place):
        held.sweep()
        for name in names:
            held.remove(name)
            remote.remove(store, name)
        remote.sweep(store, _names(held))


def _send(
    path: Path, manifest: Manifest, store: Store, leash: Leash, sent: Counter
) -> Fault | None:
    """Sends all files; what is wrong with them, or None."""
    wrong_size = catalogue.sizes(path, manifest)
    if wrong_size is not None:
        return wrong_size
    for name, file in manifest.files.items():
        digest = store.upload(f"{path.name}/{name}", path / name, leash, sent)
        if digest != file.sha256:
            store.remove(f"{path.name}/{name}")
            return Fault("ChecksumMismatch", f"{name} is not what was written")
    return None


def _conclude(name: str, manifest: Manifest, store: Store) -> None:
    """Writes the manifest, when a listing shows all files."""
    items = remote.files_of(store.listed(f"{name}/"), name)
    wrong = remote.fault(replace(manifest, etags={}), items)
    if wrong is not None:
        raise BackupError("UploadFailed", wrong.message)
    remote.write(store, name, replace(manifest, etags=_etags(manifest, items)))


def _receive(
    work: Path, name: str, manifest: Manifest, store: Store, leash: Leash, got: Counter
) -> Manifest:
    """Brings all files; gives the manifest for the folder."""
    items = remote.files_of(store.listed(f"{name}/"), name)
    files = {}
    for path, file in manifest.files.items():
        target = work / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if store.download(f"{name}/{path}", target, leash, got) != file.sha256:
            wrong = Fault("ChecksumMismatch", f"{path} in the bucket is not what was written")
            judged = replace(manifest, level=Level.NONE, fault=wrong, etags=_etags(manifest, items))
            remote.write(store, name, judged)
            raise BackupError(wrong.reason, f"{name}: {wrong.message}")
        files[path] = replace(file, mtime=target.stat().st_mtime_ns)
    if manifests.KEEP in items:
        (work / manifests.KEEP).touch()
    etags = _etags(manifest, items)
    if etags != manifest.etags or manifest.fault is not None:
        # All of it was read just now, and is what was written.
        manifest = replace(manifest, fault=None)
        remote.write(store, name, replace(manifest, etags=etags))
    return replace(manifest, files=files, etags={})


def _etags(manifest: Manifest, items: Mapping[str, Item]) -> dict[str, str]:
    return {path: items[path].etag for path in manifest.files if path in items}


def _checksums(manifest: Manifest) -> dict[str, str]:
    return {path: file.sha256 for path, file in manifest.files.items()}


def _names(held: Held) -> list[str]:
    return [path.name for path in held.path.iterdir()]


def _require_room(path: Path, size: int) -> None:
    free = shutil.disk_usage(path).free
    if free < size:
        text = f"{path} has {free} bytes left, the backup in the bucket has {size}"
        raise BackupError("DiskFull", text)
