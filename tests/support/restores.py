"""Restores that are asked for, in the engine: asking, approving, waiting for the end."""

from __future__ import annotations

import psycopg

from desired_state.objects import ObjectRef
from support.backups import REF, Scene, wait_until


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
