"""Backups in a bucket: as in the folder, with manifests that are written last and removed first.

A bucket's manifest holds the ETags of its files besides: an object that was written to since does not
count, however large it is. What has no manifest is no backup: half an upload, or half a removal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from swarmkeeper.adapters.postgres import catalogue as catalogues
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.manifest import Manifest, ManifestError
from swarmkeeper.adapters.postgres.s3 import Item, Store
from swarmkeeper.runtime.backup_tasks import Fault
from swarmkeeper.runtime.backups import CHANGED, Backup, Catalogue

_DUMP: Final = "dump"


@dataclass(frozen=True, slots=True)
class Remote:
    """What a bucket holds.

    Attributes:
        backups: by name.
        broken: by name: their manifests can't be read.
        halves: names of what has no manifest.
    """

    backups: Mapping[str, Backup]
    broken: Mapping[str, Fault] = field(default_factory=dict)
    halves: tuple[str, ...] = ()


Known = dict[tuple[str, str], Manifest]
"""Manifests that were read, by name and ETag."""


def look(store: Store, database: str, known: Known) -> Remote:
    """Lists a bucket, and reads the manifests that are not known yet; no dump.

    Raises:
        BackupError: it can't be looked at.
    """
    backups: dict[str, Backup] = {}
    broken: dict[str, Fault] = {}
    halves, seen = [], set()
    for name, items in _by_name(store.listed()).items():
        item = items.get(manifests.NAME)
        if item is None:
            halves.append(name)
            continue
        key = (name, item.etag)
        seen.add(key)
        try:
            if key not in known:
                known[key] = manifests.parse(store.read(f"{name}/{manifests.NAME}"))
            backups[name] = _described(name, known[key], items, database)
        except ManifestError as error:
            broken[name] = Fault("ManifestUnreadable", f"its manifest can't be used: {error}")
    for key in set(known) - seen:
        del known[key]
    return Remote(backups, broken, tuple(halves))


def merged(local: Catalogue, remote: Remote) -> Catalogue:
    """What there is in both: a backup that lies in the folder is judged there, others in the bucket."""
    here = {backup.name for backup in local.backups} | set(local.broken)
    both = [_with_upload(backup, remote) for backup in local.backups]
    both += [backup for name, backup in remote.backups.items() if name not in here]
    both.sort(key=lambda backup: (backup.taken_at, backup.name), reverse=True)
    broken = {name: fault for name, fault in remote.broken.items() if name not in here}
    halves = (name for name in remote.halves if name not in here)
    return Catalogue(
        exists=local.exists or bool(both),
        backups=tuple(both),
        broken={**broken, **local.broken},
        strangers=tuple(sorted({*local.strangers, *halves})),
    )


def read(store: Store, name: str) -> Manifest:
    """The manifest of a backup in the bucket.

    Raises:
        BackupError: it can't be read.
        ManifestError: it is not as we write it.
    """
    return manifests.parse(store.read(f"{name}/{manifests.NAME}"))


def write(store: Store, name: str, manifest: Manifest) -> None:
    """Writes the manifest of a backup in the bucket.

    Raises:
        BackupError: it can't be written.
    """
    store.put(f"{name}/{manifests.NAME}", manifests.render(manifest))


def remove(store: Store, name: str) -> None:
    """Removes a backup: its manifest first, so that it counts no more.

    Raises:
        BackupError: it can't be removed.
    """
    keys = store.listed(f"{name}/")
    for key in sorted(keys, key=lambda key: key != f"{name}/{manifests.NAME}"):
        store.remove(key)


def sweep(store: Store, here: Iterable[str]) -> None:
    """Removes halves of backups that the folder does not hold: nobody will complete them.

    Raises:
        BackupError: they can't be removed.
    """
    kept = set(here)
    for name, items in _by_name(store.listed()).items():
        ours = all(path.startswith(_DUMP) or path == manifests.KEEP for path in items)
        if manifests.NAME not in items and ours and name not in kept:
            remove(store, name)


def fault(manifest: Manifest, items: Mapping[str, Item]) -> Fault | None:
    """What a listing shows to be wrong with a backup in the bucket."""
    for path, file in manifest.files.items():
        item = items.get(path)
        if item is None:
            return Fault("FileMissing", f"{path} is missing in the bucket")
        if item.size != file.size:
            text = f"{path} has {item.size} bytes in the bucket, {file.size} were written"
            return Fault("Truncated" if item.size < file.size else "SizeChanged", text)
    for path, etag in manifest.etags.items():
        if items[path].etag != etag:
            return Fault(CHANGED, f"{path} has been written to in the bucket since it was verified")
    return None


def holds(store: Store, name: str) -> bool:
    """Whether the bucket holds all of a backup as it was written.

    Raises:
        BackupError: it can't be looked at.
    """
    items = files_of(store.listed(f"{name}/"), name)
    try:
        manifest = read(store, name) if manifests.NAME in items else None
    except ManifestError:
        return False
    return manifest is not None and manifest.fault is None and fault(manifest, items) is None


def files_of(items: Mapping[str, Item], name: str) -> dict[str, Item]:
    """The objects of one backup, by path below it."""
    return {
        key.removeprefix(f"{name}/"): one
        for key, one in items.items()
        if key.startswith(f"{name}/")
    }


def _described(name: str, manifest: Manifest, items: Mapping[str, Item], database: str) -> Backup:
    foreign = None
    if manifest.database != database:
        foreign = Fault("Foreign", f"it is of the database {manifest.database}")
    found = foreign or fault(manifest, items) or manifest.fault
    pinned = manifests.KEEP in items
    backup = catalogues.described(name, manifest, found, pinned=pinned)
    return replace(backup, local=False, uploaded=True)


def _with_upload(backup: Backup, remote: Remote) -> Backup:
    there = remote.backups.get(backup.name)
    if there is None:
        return replace(backup, uploaded=False, upload_fault=remote.broken.get(backup.name))
    return replace(
        backup,
        uploaded=there.fault is None,
        upload_fault=there.fault,
        pinned=backup.pinned or there.pinned,
    )


def _by_name(items: Mapping[str, Item]) -> dict[str, dict[str, Item]]:
    found: dict[str, dict[str, Item]] = {}
    for key, item in items.items():
        name, slash, path = key.partition("/")
        if slash:
            found.setdefault(name, {})[path] = item
    return found
