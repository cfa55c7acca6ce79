"""A layer of an image: files of this machine and of ours, as a tar that is the same every time."""

from __future__ import annotations

import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.errors import CommandError

_LIBRARY: Final = re.compile(r"(/\S+) \(0x[0-9a-f]+\)")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing in the tar."""

    kind: bytes
    mode: int
    owner: int = 0
    target: str = ""
    content: bytes | Path = b""


class Layer:
    """Collects what goes into a layer, then writes it."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def directory(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """Add an empty directory."""
        self._add(path, _Entry(tarfile.DIRTYPE, mode, owner))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, _Entry(tarfile.SYMTYPE, 0o777, target=target))

    def text(self, path: str, content: str, mode: int = 0o644) -> None:
        """Add a file with this content."""
        self._add(path, _Entry(tarfile.REGTYPE, mode, content=content.encode()))

    def file(self, path: str, source: Path, mode: int | None = None) -> None:
        """Add a copy of a file of this machine."""
        real = source.resolve(strict=True)
        bits = real.stat().st_mode & 0o777 if mode is None else mode
        self._add(path, _Entry(tarfile.REGTYPE, bits, content=real))

    def program(self, source: str, path: str = "") -> None:
        """Add a program of this machine with all libraries that it needs."""
        self.file(path or source, Path(source), 0o755)
        self.libraries(source)

    def libraries(self, source: str) -> None:
        """Add what a program or library of this machine needs, not itself."""
        for library in _needed(source):
            # In the image, as on any Debian since 2023, /lib and /lib64 are links to below /usr.
            inside = library if library.startswith("/usr/") else f"/usr{library}"
            self.file(inside, Path(library), 0o755)

    def tree(self, source: Path, path: str, without: tuple[str, ...] = ()) -> None:
        """Add a folder of this machine, links as links, leaving out entries of these names."""
        for folder, folders, files in os.walk(source):
            folders[:] = [name for name in folders if name not in without]
            inside = PurePosixPath(path) / Path(folder).relative_to(source)
            self.directory(str(inside))
            for name in (*files, *folders):
                here = Path(folder) / name
                if here.is_symlink():
                    self.link(str(inside / name), str(here.readlink()))
                elif name in files and not name.startswith(without or ("\0",)):
                    self.file(str(inside / name), here)

    def write(self, out: IO[bytes]) -> None:
        """Write the tar; equal content gives equal bytes."""
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(self._entries):
                _write(tar, path, self._entries[path])

    def _add(self, path: str, entry: _Entry) -> None:
        clean = str(PurePosixPath(path)).lstrip("/")
        for parent in list(PurePosixPath(clean).parents)[:-1]:
            self._entries.setdefault(str(parent), _Entry(tarfile.DIRTYPE, 0o755))
        self._entries[clean] = entry


def _write(tar: tarfile.TarFile, path: str, entry: _Entry) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.target
    info.uid = info.gid = entry.owner
    if isinstance(entry.content, Path):
        with entry.content.open("rb") as source:
            info.size = os.fstat(source.fileno()).st_size
            tar.addfile(info, source)
    else:
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))


def _needed(source: str) -> list[str]:
    try:
        return _LIBRARY.findall(run(["/usr/bin/ldd", source]))
    except CommandError:
        return []  # Statically linked: ldd says so by failing.
