"""Files that are there wholly or not at all, also after a power loss."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres.children import Leash

_CHUNK: Final = 1 << 20


def replace(path: Path, content: bytes) -> None:
    """Puts content in the place of a file."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "wb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Waits until everything below a folder is on disk."""
    for path in (*below(folder), *_folders(folder)):
        sync(path)


def below(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 where nothing is."""
    try:
        found = [path] if path.is_file() else below(path)
        return sum(file.stat().st_size for file in found)
    except OSError:
        return 0  # it is being renamed


def sha256(path: Path, leash: Leash) -> str:
    """The checksum of a file, in hex.

    Raises:
        BackupError: it was ended early.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            leash.check()
            digest.update(chunk)
    return digest.hexdigest()


def remove(folder: Path) -> None:
    """Removes a folder; what was removed before is no error."""
    shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None


def _folders(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_dir())
    yield folder


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
