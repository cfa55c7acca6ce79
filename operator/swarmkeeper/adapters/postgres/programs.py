"""The client programs of Postgres on this machine: which of several versions fits."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.runtime.backups import BackupError

HOMES: Final = Path("/usr/lib/postgresql")
"""Where Debian has one folder for each major version."""
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one version.

    Attributes:
        major: the version.
        folder: where they lie.
    """

    major: int
    folder: Path

    def path(self, name: str) -> str:
        """Where a program is.

        Raises:
            BackupError: it is missing.
        """
        path = self.folder / name
        if not path.is_file():
            raise BackupError("ProgramMissing", f"there is no {name} in {self.folder}")
        return str(path)


def programs_for(major: int) -> Programs:
    """The oldest programs that can read a server, or a dump, of a version.

    Raises:
        BackupError: there are none, or they are too old.
    """
    found = sorted(_installed(), key=lambda one: one.major)
    if not found:
        raise BackupError("ProgramMissing", "there is no pg_dump: install postgresql-client")
    fitting = [one for one in found if one.major >= major]
    if not fitting:
        text = f"the server is Postgres {major}, pg_dump here is {found[-1].major}: install a newer one"
        raise BackupError("VersionTooNew", text)
    return fitting[0]


def zstd() -> str:
    """Where zstd is.

    Raises:
        BackupError: it is missing.
    """
    path = shutil.which("zstd")
    if path is None:
        raise BackupError("ProgramMissing", "there is no zstd: install it, or use another format")
    return path


def _installed() -> list[Programs]:
    homes = [home / "bin" for home in HOMES.glob("*") if home.name.isdigit()]
    found = [
        Programs(int(bin_.parent.name), bin_) for bin_ in homes if (bin_ / "pg_dump").is_file()
    ]
    if found:
        return found
    path = shutil.which("pg_dump")
    if path is None:
        return []
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = _VERSION.search(text)
    return [Programs(int(version[1]), Path(path).parent)] if version else []
