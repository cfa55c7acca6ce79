"""The digest of a folder: equal names, modes and contents give equal digests."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


class Digester:
    """Digests a folder again and again, and reads only files that changed since."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}

    def digest(self, root: Path) -> str:
        """`<hex>` of all files below a folder, hidden folders left out.

        Raises:
            OSError: a file or folder can't be read.
        """
        total = hashlib.sha256()
        seen: dict[str, tuple[tuple[int, ...], str]] = {}
        for path, place in _files(root, ""):
            info = place.lstat()
            key = (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_mode)
            known = self._known.get(path)
            content = known[1] if known and known[0] == key else _content(place, info.st_mode)
            if not stat.S_ISLNK(info.st_mode):
                seen[path] = (key, content)
            total.update(f"{path}\0{content}\n".encode("utf-8", "surrogateescape"))
        self._known = seen
        return total.hexdigest()


def _files(root: Path, folder: str) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(root / folder), key=lambda each: each.name):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from _files(root, path)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            yield path, root / path


def _content(place: Path, mode: int) -> str:
    """What a file is: where a link points (and what it shows there), or mode and contents."""
    if stat.S_ISLNK(mode):
        shows = _content(place.resolve(), 0) if place.is_file() else ""
        return f"link {place.readlink()} {shows}"
    with place.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{'x' if mode & stat.S_IXUSR else '-'} {content}"
