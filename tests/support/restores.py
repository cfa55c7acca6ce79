"""Restores that are asked for, in the engine: asking, approving, waiting for the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psycopg

from desired_state.objects import ObjectRef
from support.backups import REF, Scene, wait_until

IN_PLACE: Final = {"method": "InPlace", "drain": "0s", "reconnect": "0s"}
"""How tests restore over what is there."""


def rows(scene: Scene, table: str = "orders") -> int:
    """How many rows a table has."""
    with psycopg.connect(scene.url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    assert found is not None
    return int(found[0])


def databases(scene: Scene) -> list[str]:
    """Databases whose names begin with that of the scene's."""
    with scene.server.admin() as connection:
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
        return [str(name) for (name,) in connection.execute(query, (scene.database,))]


def ask(scene: Scene, runbook: str, **parameters: str) -> ObjectRef:
    """Asks for a runbook, and approves it once it waits for that."""
    number = len(scene.engine.objects.list("RunbookRun"))
    run = scene.engine.ask(runbook, REF, name=f"{runbook}-{number}", parameters=parameters)
    scene.engine.run(run)
    scene.engine.run(REF)
    pending = scene.engine.status(run)["pendingApproval"]["hash"]
    annotation = {"metadata": {"annotations": {"swarmkeeper.dev/approve": pending}}}
    scene.engine.objects.patch(run, annotation, actor="test")
    scene.engine.run(run)
    return run


def finish(scene: Scene, run: ObjectRef, until: str = "") -> tuple[str, str] | None:
    """Passes until the run has ended, or has a reason; the condition Succeeded then."""

    def ended() -> bool:
        scene.engine.run(REF)
        scene.engine.run(run)
        found = scene.engine.condition(run, "Succeeded")
        if until and found is not None and found[1] == until:
            return True
        return scene.engine.status(run).get("phase") in {"Succeeded", "Failed"}

    wait_until(ended, "the run does not end")
    return scene.engine.condition(run, "Succeeded")


def copies(scene: Scene) -> bool:
    """Whether rows are being restored."""
    with scene.server.admin() as admin:
        query = "SELECT FROM pg_stat_activity WHERE datname = %s AND query ~ '^COPY .* FROM stdin'"
        return admin.execute(query, (scene.database,)).fetchone() is not None


def napping(scene: Scene, **spec: Any) -> str:
    """A damaged database whose restore sleeps in the middle until it is woken; its backup."""
    scene.sql(
        "CREATE FUNCTION nap() RETURNS bool LANGUAGE sql AS $$ SELECT pg_sleep("
        "coalesce(nullif(current_setting('test.nap', true), ''), '0')::float) IS NOT NULL $$",
        "CREATE TABLE big (id int PRIMARY KEY, note text, CHECK (id <> 1000 OR public.nap()))",
        "INSERT INTO big SELECT n, repeat(md5(n::text), 100) FROM generate_series(1, 2000) n",
    )
    scene.declare(restore=IN_PLACE, **spec)
    scene.look()
    (first,) = scene.names()
    scene.clock.forward(minutes=1)
    scene.sql(
        "DELETE FROM big WHERE id > 10", f"ALTER DATABASE {scene.database} SET test.nap TO '600'"
    )
    return first


def wake(scene: Scene) -> None:
    """Later restores do not sleep."""
    scene.sql(f"ALTER DATABASE {scene.database} RESET test.nap")


def processes(program: str, scene: Scene) -> list[int]:
    """Processes of a program that work on the scene's database or backups."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        about = b" ".join(words)
        if words[0].endswith(f"/{program}".encode()) and (
            scene.database.encode() in about or str(scene.folder).encode() in about
        ):
            found.append(int(path.parent.name))
    return found
