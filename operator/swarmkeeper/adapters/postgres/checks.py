"""Verifies a dump: by its table of contents, or by reading all of it.

`pg_restore --list` reads the beginning of a file only, so a dump that was cut in half passes it. Reading
all of it to nowhere (`pg_restore --file=/dev/null`) finds whatever can't be decompressed; checksums of
the files find the rest.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import children, files
from swarmkeeper.adapters.postgres.children import Command, Leash
from swarmkeeper.adapters.postgres.manifest import File
from swarmkeeper.adapters.postgres.programs import programs_for, zstd
from swarmkeeper.runtime.backup_tasks import Checks, Format, Level
from swarmkeeper.runtime.backups import BackupError

NAMES: Final = {
    Format.CUSTOM: "dump.pgdump",
    Format.DIRECTORY: "dump",
    Format.PLAIN: "dump.sql.zst",
}
"""What the dump is called in the backup's folder."""
_DATABASE: Final = re.compile(r"^;\s+dbname: (.*)$", re.MULTILINE)
_PLAIN_BEGIN: Final = b"-- PostgreSQL database dump"
_PLAIN_END: Final = b"-- PostgreSQL database dump complete"
_COPY: Final = re.compile(rb'^COPY ("(?:[^"]|"")+"|\S+?)\.("(?:[^"]|"")+"|\S+) \(', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Dumped:
    """A dump to verify.

    Attributes:
        folder: of the backup.
        format: how it is written.
        database: that it must be of.
        major: version of the pg_dump that wrote it.
    """

    folder: Path
    format: Format
    database: str
    major: int

    @property
    def path(self) -> Path:
        """The file, or the folder of files."""
        return self.folder / NAMES[self.format]


def check(dumped: Dumped, checks: Checks, leash: Leash) -> None:
    """Verifies a dump.

    Args:
        dumped: which.
        checks: what it must stand.
        leash: what ends it early.

    Raises:
        BackupError: it does not stand it.
    """
    size = files.size_of(dumped.path)
    if size < checks.minimum_size:
        text = f"it has {size} bytes, at least {checks.minimum_size} are wanted"
        raise BackupError("TooSmall", text)
    if checks.level is Level.NONE:
        return
    if dumped.format is Format.PLAIN:
        _check_plain(dumped.path, checks, leash)
        return
    _check_contents(dumped, checks, leash)
    if checks.level.reaches(Level.FULL):
        _restore(dumped, ("--file=/dev/null",), leash)


def fingerprints(folder: Path, leash: Leash) -> dict[str, File]:
    """Sizes, checksums and times of the files of a dump, by path below the backup's folder.

    Raises:
        BackupError: it was ended early.
    """
    found = {}
    for path in files.below(folder):
        name = str(path.relative_to(folder))
        if name.startswith("dump"):
            about = path.stat()
            found[name] = File(about.st_size, files.sha256(path, leash), about.st_mtime_ns)
    return found


def _check_contents(dumped: Dumped, checks: Checks, leash: Leash) -> None:
    contents = _restore(dumped, ("--list",), leash)
    name = _DATABASE.search(contents)
    if name is None or name[1] != dumped.database:
        found = name[1] if name else "none"
        raise BackupError("Foreign", f"it is of the database {found}, not of {dumped.database}")
    _require(checks.expected_tables, lambda table: f" TABLE DATA {' '.join(table)} " in contents)


def _require(tables: Sequence[str], has: Callable[[tuple[str, str]], bool]) -> None:
    missing = [table for table in tables if not has(_split(table))]
    if missing:
        raise BackupError("TableMissing", f"there are no rows of {', '.join(missing)} in it")


def _split(table: str) -> tuple[str, str]:
    schema, _, name = table.partition(".")
    return schema, name


def _restore(dumped: Dumped, options: Sequence[str], leash: Leash) -> str:
    """Runs pg_restore without a server; what it writes to stdout."""
    program = programs_for(dumped.major).path("pg_restore")
    with tempfile.TemporaryFile() as out:
        (ended,) = children.run([Command([program, *options, str(dumped.path)])], leash, stdout=out)
        if ended.code:
            raise BackupError("Unreadable", f"pg_restore: {children.last_line(ended.said)}")
        out.seek(0)
        return out.read().decode(errors="replace")


def _check_plain(dump: Path, checks: Checks, leash: Leash) -> None:
    """Reads all SQL: it must begin and end as pg_dump writes it."""
    tables: set[tuple[str, str]] = set()
    first, tail = b"", b""
    command = Command([zstd(), "-dcq", str(dump)])
    with children.output(command, leash) as chunks:
        for chunk in chunks:
            first = first or chunk[:200]
            text = tail + chunk
            tables.update(_tables_in(text))
            tail = text[-4096:]
    if _PLAIN_BEGIN not in first:
        raise BackupError("Unreadable", "it is no dump of pg_dump")
    if _PLAIN_END not in tail[-400:]:
        raise BackupError("Truncated", "it ends in the middle")
    _require(checks.expected_tables, tables.__contains__)


def _tables_in(text: bytes) -> Iterator[tuple[str, str]]:
    for found in _COPY.finditer(text):
        yield _plain_name(found[1]), _plain_name(found[2])


def _plain_name(quoted: bytes) -> str:
    name = quoted.decode(errors="replace")
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
