"""The part of the demo in which a backup is needed."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

import psycopg

from swarmkeeper.commands.demo.database import NAME, ROWS, connect, newest
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Result
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.swarm import until

_RUNS: Final = "runbookruns"
_WORDS: Final = ("runbook", "run", "restore", f"PostgresBackup/{NAME}")
_MISTAKE: Final = "DELETE FROM tasks WHERE done"


def rows_lost(scene: Scene) -> None:
    """Somebody deletes rows by mistake; with an approval the newest backup brings them back."""
    narrator = scene.narrator
    narrator.chapter("Somebody deletes the wrong rows, and asks for the backup")
    narrator.shell(f'psql -c "{_MISTAKE}"')
    with connect(scene.stack) as connection:
        connection.execute(_MISTAKE.encode())
    narrator.say(f"{_rows(scene):,} of {ROWS:,} rows are left")
    words = (*_WORDS, "--param", f"backup={newest(scene)}")
    narrator.shell(f"swarmkeeper {' '.join(words)}")
    name = _swarmkeeper(scene, *words, "--no-wait").partition(":")[0]
    until(lambda: bool(_status(scene, name).get("pendingApproval")), f"{name} to wait for a yes")
    narrator.quote(f"{name}: {_status(scene, name)['message']}")
    narrator.shell(f"swarmkeeper approve {name}")
    began = time.monotonic()
    narrator.quote(_swarmkeeper(scene, "approve", name))
    with narrator.waiting("a safety backup, a restore beside, rows counted, places changed"):
        until(lambda: _has_ended(scene, name), f"the end of {name}")
    seconds = time.monotonic() - began
    narrator.quote(f"{name}: {_status(scene, name)['message']}")
    if (rows := _rows(scene)) != ROWS:
        raise DemoError(f"there are {rows} rows after the restore, there were {ROWS}")
    narrator.say(f"all {ROWS:,} rows are back; the database as it was before stays beside it")
    what, answer = "half of the rows deleted by mistake", "restored them, once that was approved"
    scene.results.append(Result(what, answer, None, seconds * 1000))


def _rows(scene: Scene) -> int:
    try:
        with connect(scene.stack) as connection:
            found = connection.execute("SELECT count(*) FROM tasks").fetchone()
    except psycopg.Error as error:
        raise DemoError(f"the database does not answer: {error}") from error
    return int(found[0]) if found else 0


def _has_ended(scene: Scene, name: str) -> bool:
    status = _status(scene, name)
    if status.get("phase") == "Failed":
        raise DemoError(f"{name} has failed: {status['message']}")
    return bool(status.get("phase") == "Succeeded")


def _status(scene: Scene, name: str) -> dict[str, Any]:
    return dict(scene.api.object(_RUNS, name.rpartition("/")[2]).get("status", {}))


def _swarmkeeper(scene: Scene, *words: str) -> str:
    environment = {"KUBECONFIG": str(scene.kubeconfig)}
    return run(sys.executable, "-m", "swarmkeeper", *words, env=environment)
