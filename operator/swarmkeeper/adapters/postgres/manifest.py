"""`manifest.json`: what a backup is, written beside its dump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from swarmkeeper.adapters.postgres import files
from swarmkeeper.runtime.backup_tasks import DrillResult, Fault, Format, Level

NAME: Final = "manifest.json"
KEEP: Final = "keep"
"""A file of this name in a backup's folder keeps it from being removed."""
_FORMAT: Final = 1


class ManifestError(Exception):
    """It can't be read, or says nothing that we understand."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a dump.

    Attributes:
        size: bytes.
        sha256: of its content, in hex.
        mtime: nanoseconds, as it was when it was verified.
    """

    size: int
    sha256: str
    mtime: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of a backup.

    Attributes:
        object: that took it.
        database: its name.
        server_version: e.g. `15.18`.
        program_major: version of pg_dump.
        format: how the dump is written.
        taken_at: when the snapshot was taken, by our clock.
        server_time: the same by the server's clock.
        finished_at: when all was written and verified.
        files: by path below the backup's folder.
        rows: by `schema.table`, counted in the snapshot of the dump.
        extensions: name to version.
        database_size: bytes on the server.
        level: how thoroughly it has been verified.
        verified_at: when.
        encoding: of the database.
        roles: of the server, by name.
        fault: what the last verification has found, or None.
        drill: how the last restore drill ended, or None.
        etags: of the files, by path; in a bucket's manifest only: what was verified there.
    """

    object: str
    database: str
    server_version: str
    program_major: int
    format: Format
    taken_at: datetime
    server_time: datetime
    finished_at: datetime
    files: Mapping[str, File]
    rows: Mapping[str, int]
    extensions: Mapping[str, str]
    database_size: int
    level: Level
    verified_at: datetime
    encoding: str = "UTF8"
    roles: Sequence[str] = ()
    fault: Fault | None = None
    drill: DrillResult | None = None
    etags: Mapping[str, str] = field(default_factory=dict)
    version: int = field(default=_FORMAT)

    @property
    def size(self) -> int:
        """Bytes of the dump."""
        return sum(file.size for file in self.files.values())

    @property
    def total_rows(self) -> int:
        """In all tables."""
        return sum(self.rows.values())


def write(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest of a backup: wholly, or not at all."""
    files.replace(folder / NAME, render(manifest))


def render(manifest: Manifest) -> bytes:
    """The text of a manifest."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(asdict(manifest), option=options)


def read(folder: Path) -> Manifest:
    """Reads the manifest of a backup.

    Raises:
        ManifestError: it is not as we write it.
        FileNotFoundError: there is none.
    """
    try:
        text = (folder / NAME).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ManifestError(f"{type(error).__name__}: {error}") from None
    return parse(text)


def parse(text: bytes) -> Manifest:
    """What a manifest says.

    Raises:
        ManifestError: it is not as we write it.
    """
    try:
        return _parsed(orjson.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{type(error).__name__}: {error}") from None


def _parsed(document: Any) -> Manifest:
    if document["version"] != _FORMAT:
        raise ValueError(f"version {document['version']} is not known here")
    times = ("taken_at", "server_time", "finished_at", "verified_at")
    fault, drill = document["fault"], document.get("drill")
    found = Manifest(
        **{
            **document,
            **{name: _time(document[name]) for name in times},
            "format": Format(document["format"]),
            "level": Level(document["level"]),
            "files": {path: File(**file) for path, file in document["files"].items()},
            "rows": {str(table): int(count) for table, count in document["rows"].items()},
            "fault": Fault(**fault) if fault else None,
            "drill": _drill(drill) if drill else None,
        }
    )
    if not found.files or not all(_is_below(path) for path in found.files):
        raise ValueError("it names no files, or files outside of its folder")
    return found


def _drill(document: Any) -> DrillResult:
    fault = document["fault"]
    known = {"at": _time(document["at"]), "fault": Fault(**fault) if fault else None}
    return DrillResult(**{**document, **known})


def _is_below(path: str) -> bool:
    return not path.startswith("/") and ".." not in Path(path).parts


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
