"""`swarmkeeper store`: a backup of either store fills either store, and what is broken is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from support.cli import swarmkeeper
from support.postgres import PostgresServer

from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.memory import Memory
from swarmkeeper.store.objects import Key
from swarmkeeper.store.opening import Place, lock_folder
from swarmkeeper.store.sql_objects import SqlObjectStore

pytestmark = pytest.mark.integration

Make = Callable[[str], Place]
STEP = Step("SwarmService/ü", "u", 1, "", "r", "scale", "service/web", "k", "replicas differ")


def put(store: SqlObjectStore, name: str, expected: int) -> int:
    def render(revision: int) -> bytes:
        metadata = {"name": name, "resourceVersion": str(revision)}
        return orjson.dumps({"metadata": metadata, "text": "ü"})

    return store.put(Key("Widget", "default", name), "uid", render, expected=expected).revision


def fill(place: Place) -> None:
    database = place.open()
    store, trail, memory = SqlObjectStore(database), AuditTrail(database), Memory(database)
    revision = 0
    for _ in range(5):
        revision = put(store, "a", revision)
    put(store, "b", 0)
    store.compact(2)
    trail.finish(trail.intend(STEP), Entry.SUCCEEDED, STEP, outcome="done")
    trail.intend(STEP)
    memory.put("uid", {"good": "spec"})
    database.close()


def everything(place: Place) -> object:
    database = place.open()
    store, trail, memory = SqlObjectStore(database), AuditTrail(database), Memory(database)
    found = (
        store.revision,
        store.compacted,
        list(store.list("Widget").items),
        list(store.since(store.compacted)),
        list(trail.records()),
        trail.verify(),
        trail.unfinished("u"),
        memory.get("uid"),
    )
    database.close()
    return found


def options(place: Place) -> list[str]:
    return ["--data-dir", str(place.data_dir), *(["--store", place.url] if place.url else [])]


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Makes an empty place for a store."""

    def place(kind: str) -> Place:
        folder = tmp_path / f"{kind}{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        if kind == "sqlite":
            return Place(folder)
        server: PostgresServer = request.getfixturevalue("server")
        return Place(folder, server.new_database().url)

    return place


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("of", ["sqlite", "postgres"])
def test_a_backup_of_either_store_fills_either_store(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], of: str, to: str
) -> None:
    source, target, file = make(of), make(to), tmp_path / "backup"
    fill(source)

    assert swarmkeeper(capsys, "store", "backup", str(file), *options(source)).code == 0
    ran = swarmkeeper(capsys, "store", "restore", str(file), *options(target))

    assert (ran.code, ran.err) == (0, "")
    assert everything(target) == everything(source)
    assert file.stat().st_mode & 0o777 == 0o600
    database = target.open()
    assert put(SqlObjectStore(database), "c", 0) == 7
    AuditTrail(database).intend(STEP)
    database.close()
    ran = swarmkeeper(capsys, "store", "verify", *options(target))
    assert (ran.code, ran.out) == (0, "the store is whole\n")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_store_that_holds_something_is_not_overwritten(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    source, file = make(kind), tmp_path / "backup"
    fill(source)
    swarmkeeper(capsys, "store", "backup", str(file), *options(source))
    before = everything(source)

    ran = swarmkeeper(capsys, "store", "restore", str(file), *options(source))
    again = swarmkeeper(capsys, "store", "backup", str(file), *options(source))

    assert (ran.code, "not empty" in ran.err) == (1, True)
    assert (again.code, "exists" in again.err) == (1, True)
    assert everything(source) == before


@pytest.mark.parametrize(
    "harm",
    [lambda lines: lines[:-1], lambda lines: [*lines[:2], *lines[3:]], lambda _: [b"something"]],
    ids=["cut off", "a line less", "something else"],
)
def test_a_dump_that_is_not_whole_restores_nothing(
    make: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[list[bytes]], list[bytes]],
) -> None:
    source, target, file = make("postgres"), make("postgres"), tmp_path / "backup"
    fill(source)
    swarmkeeper(capsys, "store", "backup", str(file), *options(source))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(harm(lines)))
    ran = swarmkeeper(capsys, "store", "restore", str(file), *options(target))
    assert (ran.code, "the file is " in ran.err) == (1, True)

    file.write_bytes(b"".join(lines))
    assert swarmkeeper(capsys, "store", "restore", str(file), *options(target)).code == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM objects WHERE revision = 4", "revision 4 is missing"),
        ("UPDATE objects SET name = 'z' WHERE revision = 5", "revision 5 holds something else"),
        ("UPDATE objects SET deleted = 1 WHERE revision = 3", "revision 4 does not follow"),
        ("UPDATE audit_trail SET at = 'never' WHERE seq = 2", "broken at entry 2"),
    ],
    ids=["lost", "renamed", "relabelled", "trail"],
)
def test_verify_finds_what_was_changed(
    make: Make, capsys: pytest.CaptureFixture[str], kind: str, harm: str, told: str
) -> None:
    place = make(kind)
    fill(place)
    database = place.open()
    with database.write() as cursor:
        cursor.execute(harm)
    database.close()

    ran = swarmkeeper(capsys, "store", "verify", *options(place))

    assert (ran.code, told in ran.err) == (1, True)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_compaction_forgets_old_versions_and_no_entry(
    make: Make, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    place = make(kind)
    fill(place)

    ran = swarmkeeper(capsys, "store", "compact", "--keep", "1", *options(place))

    assert (ran.code, ran.out) == (0, "removed 3 old versions\n")
    assert swarmkeeper(capsys, "store", "verify", *options(place)).code == 0
    assert swarmkeeper(capsys, "audit-trail", "verify", *options(place)).out.startswith("3 entries")


def test_a_store_in_use_is_left_alone(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    place = make("sqlite")
    fill(place)
    with lock_folder(place.data_dir):
        ran = swarmkeeper(capsys, "store", "compact", *options(place))

    assert (ran.code, "another operator runs" in ran.err) == (1, True)


def test_a_damaged_file_is_told(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    place = make("sqlite")
    fill(place)
    with sqlite3.connect(place.file) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'memory'")
    connection.close()

    ran = swarmkeeper(capsys, "store", "verify", *options(place))

    assert ran.code == 1
