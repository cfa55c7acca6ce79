"""The part of the demo that is about backups of the database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from swarmkeeper.commands.demo.api import condition
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Result
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.swarm import until

NAME: Final = "agentes-ai"
ROWS: Final = 20_000
_PLURAL: Final = "postgresbackups"
_AGO: Final = timedelta(days=2)
_TIMES: Final = ("taken_at", "server_time", "finished_at")
_TABLES: Final = """\
CREATE TABLE tasks (id int PRIMARY KEY, title text NOT NULL, done boolean NOT NULL);
INSERT INTO tasks SELECT n, 'Task ' || n, n % 2 = 0 FROM generate_series(1, {rows}) n;
"""


def fill(stack: Stack) -> None:
    """Gives the database something to lose."""
    address = stack.example.address, stack.example.ports.postgres
    until(lambda: _filled(stack), f"the database at {address[0]}:{address[1]}")


def kept(scene: Scene) -> None:
    """The first backup was taken at once, read, and restored for a trial."""
    narrator = scene.narrator
    narrator.chapter("The database is backed up, and a backup counts once it was tried")
    with narrator.waiting("a backup is there, and has been restored for a trial"):
        until(lambda: all(_is(scene, type_) for type_ in _wanted(scene)), "a backup that counts")
    narrator.quote(_told(scene))
    narrator.quote(_drill(scene))
    scene.results.append(Result(f"{ROWS:,} rows without a backup", "took one, and restored it"))


def too_old(scene: Scene) -> None:
    """The newest backup becomes too old; another one is taken."""
    narrator, last = scene.narrator, newest(scene)
    narrator.chapter("The newest backup becomes too old")
    narrator.say("nobody wants to wait for 26 hours: the demo sets its date back by two days")
    _heal(scene, lambda: _set_back(scene, last), "too old", "a backup two days old, 26 h allowed")


def cut_in_half(scene: Scene) -> None:
    """A backup is cut in half on its disk; that is seen, and another one is taken."""
    narrator, last = scene.narrator, newest(scene)
    narrator.chapter("The disk loses half of the newest backup")
    dump = max(_folder(scene, last).iterdir(), key=lambda file: file.stat().st_size)
    half = dump.stat().st_size // 2
    narrator.shell(f"truncate --size {half} {last}/{dump.name}")
    _heal(scene, lambda: _truncate(dump, half), "damaged", "the newest backup cut in half")
    (damaged,) = _status(scene)["damaged"]
    narrator.quote(f"damaged  {damaged['name']}: {damaged['message']}")
    narrator.say("it does not count any more, and is kept for whoever wants to look at it")


def _heal(scene: Scene, harm: Callable[[], None], seen: str, what: str) -> None:
    """Does harm, and waits for a new backup that counts."""
    before = newest(scene)
    harm()
    scene.narrator.shell(f"kubectl annotate pgb {NAME} swarmkeeper.dev/requested-at=$(date -Is)")
    began = time.monotonic()
    scene.api.look_at(_PLURAL, NAME)
    with scene.narrator.waiting(f"seen, and another one taken and read ({seen})"):
        until(lambda: newest(scene) not in {"", before} and _is(scene, "Fresh"), "a new backup")
        until(lambda: _is(scene, "Ready"), f"{NAME} to be Ready")
    seconds = time.monotonic() - began
    scene.narrator.quote(_told(scene))
    scene.results.append(Result(what, "took another one", None, seconds * 1000))


def _set_back(scene: Scene, name: str) -> None:
    file = _folder(scene, name) / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    for key in _TIMES:
        manifest[key] = (datetime.fromisoformat(manifest[key]) - _AGO).isoformat()
    file.write_text(json.dumps(manifest), encoding="utf-8")


def _truncate(file: Path, size: int) -> None:
    with file.open("r+b") as dump:
        dump.truncate(size)


def _told(scene: Scene) -> str:
    """The operator's event on the newest backup."""
    name = newest(scene)
    until(lambda: bool(scene.api.event_of(NAME, f"took {name}:")), f"an event on {name}")
    return f"event  {scene.api.event_of(NAME, f'took {name}:')}"


def _drill(scene: Scene) -> str:
    """How the last restore for a trial went."""
    drill = _status(scene).get("lastRestoreDrill")
    if drill is None:
        return ""
    return f"drill  restored {drill['backup']}: {drill['rows']:,} rows in {drill['seconds']:.1f} s"


def _wanted(scene: Scene) -> tuple[str, ...]:
    drill = () if "drill" in scene.stack.example.left_out else ("RestoreTested",)
    return ("Fresh", "Verified", "Ready", *drill)


def newest(scene: Scene) -> str:
    """Name of the newest backup that counts; empty where there is none."""
    return str(_status(scene).get("lastSuccessfulBackup", {}).get("name", ""))


def _folder(scene: Scene, name: str) -> Path:
    if not name:
        raise DemoError("there is no backup that counts")
    return scene.stack.example.backups / name


def _status(scene: Scene) -> dict[str, Any]:
    return dict(scene.api.object(_PLURAL, NAME).get("status", {}))


def _is(scene: Scene, type_: str) -> bool:
    return condition(scene.api.object(_PLURAL, NAME), type_)[0] == "True"


def connect(stack: Stack) -> psycopg.Connection[Any]:
    """A connection to the database, as its superuser.

    Raises:
        psycopg.OperationalError: it does not answer.
    """
    where = stack.example
    return psycopg.connect(
        host=where.address,
        port=where.ports.postgres,
        dbname=where.name,
        user="postgres",
        password=stack.postgres_password,
        connect_timeout=5,
    )


def _filled(stack: Stack) -> bool:
    try:
        with connect(stack) as connection:
            connection.execute(_TABLES.format(rows=ROWS).encode())
    except psycopg.OperationalError:
        return False  # it has only just begun
    return True
