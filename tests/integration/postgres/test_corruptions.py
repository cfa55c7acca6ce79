"""Ways in which a dump is spoiled, by what finds it: the table on the kind's page is made of this."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.backups import Scene
from support.postgres import PostgresServer

import reconcilers
from swarmkeeper.adapters.postgres import catalogue, checks
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.checks import Dumped
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.drill import Stage, drill
from swarmkeeper.adapters.postgres.folder import held
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.runtime.backup_tasks import Checks, Drill, Format, Level
from swarmkeeper.runtime.backups import BackupError

pytestmark = pytest.mark.integration
PAGE = Path(reconcilers.__file__).parent / "postgres_backup" / "README.md"
BEGIN, END = "<!-- corruptions -->\n", "<!-- end of corruptions -->"
HEAD = (
    "| what happened | size | `List` | `Full`, reading | `Full`, SHA-256 | drill |\n"
    + "|---" * 6
    + "|\n"
)
ASSERTIONS = (("orders", "SELECT count(*) > 0 FROM public.orders"),)
TABLES = ("public.orders",)
Spoil = Callable[[Path], None]


def half(dump: Path) -> None:
    os.truncate(dump, dump.stat().st_size // 2)


def last_bytes(dump: Path) -> None:
    os.truncate(dump, dump.stat().st_size - 100)


def put(dump: Path, at: int, content: bytes) -> None:
    with dump.open("r+b") as file:
        file.seek(at)
        file.write(content)


def flipped(dump: Path) -> None:
    middle = dump.stat().st_size // 2
    put(dump, middle, bytes([dump.read_bytes()[middle] ^ 0xFF]))


def zeroed(dump: Path) -> None:
    put(dump, dump.stat().st_size // 2, bytes(16384))


def all_zero(dump: Path) -> None:
    put(dump, 0, bytes(dump.stat().st_size))


def empty(dump: Path) -> None:
    os.truncate(dump, 0)


def packed_again(dump: Path) -> None:
    """Cuts the text in the middle of the rows, and packs it again: a whole file of half a dump."""
    text = subprocess.run(["zstd", "-dc", str(dump)], check=True, capture_output=True).stdout
    dump.unlink()
    command = ["zstd", "-q", "-o", str(dump)]
    subprocess.run(command, check=True, input=text[: len(text) // 2])


CUSTOM: dict[str, Spoil] = {
    "cut in half": half,
    "the last 100 bytes cut off": last_bytes,
    "one byte flipped": flipped,
    "16 KiB zeroed": zeroed,
    "all zero": all_zero,
    "empty": empty,
}
PLAIN: dict[str, Spoil] = {
    "`plain`: cut in half": half,
    "`plain`: one byte flipped": flipped,
    "`plain`: cut in half and compressed again": packed_again,
}


def test_the_page_tells_what_each_level_finds(server: PostgresServer, tmp_path: Path) -> None:
    found = HEAD + "".join(rows(server, tmp_path))

    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0] == found
    assert all(line.endswith("| found |") for line in found.splitlines()[2:])


def rows(server: PostgresServer, home: Path) -> list[str]:
    """One line of the table for each way."""
    lines = []
    for form, ways in (("custom", CUSTOM), ("plain", PLAIN)):
        scene = taken(server, home / form, form)
        for number, (name, spoil) in enumerate(ways.items()):
            copy = shutil.copytree(scene.folder / scene.names()[0], home / f"{form}{number}")
            spoil(next(copy.glob("dump*")))
            lines.append(line(name, copy, manifests.read(copy)))
    first, other = (taken(server, home / name, "custom") for name in ("first", "other"))
    copy = shutil.copytree(first.folder / first.names()[0], home / "foreign")
    shutil.copy2(other.dump(), next(copy.glob("dump*")))
    lines.append(line("a dump of another database", copy, manifests.read(copy)))
    lost = taken(server, home / "lost", "custom", rows=0)
    folder = lost.folder / lost.names()[0]
    lines.append(line("whole, but taken after the rows were lost", folder, manifests.read(folder)))
    return lines


def taken(server: PostgresServer, home: Path, form: str, rows: int = 5000) -> Scene:
    """A scene with one backup."""
    home.mkdir()
    scene = Scene(server, home)
    scene.fill(rows)
    scene.declare(format=form)
    assert scene.look()[0] == "True"
    return scene


def line(name: str, folder: Path, manifest: Manifest) -> str:
    """What finds it."""
    finders: tuple[Callable[[], bool], ...] = (
        lambda: catalogue.sizes(folder, manifest) is not None,
        lambda: refuses(Level.LIST, folder, manifest),
        lambda: refuses(Level.FULL, folder, manifest),
        lambda: not same_content(folder, manifest),
        lambda: drilled(folder, manifest),
    )
    cells = " | ".join("found" if finds() else "–" for finds in finders)  # noqa: RUF001
    return f"| {name} | {cells} |\n"


def same_content(folder: Path, manifest: Manifest) -> bool:
    found = checks.fingerprints(folder, Leash(600))
    return all(found[name].sha256 == file.sha256 for name, file in manifest.files.items())


def refuses(level: Level, folder: Path, manifest: Manifest) -> bool:
    dumped = Dumped(folder, Format(manifest.format), manifest.database, manifest.program_major)
    try:
        checks.check(dumped, Checks(level, 0, TABLES), Leash(600))
    except BackupError:
        return True
    return False


def drilled(folder: Path, manifest: Manifest) -> bool:
    with held(str(folder.parent)) as place:
        stage = Stage(folder, str(folder.parent), place.lock, None, Leash(600))
        return drill(manifest, Drill(ASSERTIONS), stage).fault is not None
