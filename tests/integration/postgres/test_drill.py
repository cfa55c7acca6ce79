"""The restore drill on real servers: what was backed up is there again, row by row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.backups import REF, Scene, wait_until

from swarmkeeper.adapters.postgres.throwaway import Scratch

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")


def left_behind(scene: Scene) -> list[Path]:
    """Folders of throw-away servers for the scene's backups; others have drills at the same time."""
    scratch = Scratch.of("", str(scene.folder))
    return list(scratch.folder.glob(f"swarmkeeper-drill-{scratch.tag}-*"))


@pytest.fixture
def scene_with_owner(scene: Scene) -> Scene:
    """A database whose tables belong to a role that a new server does not have."""
    scene.fill(500)
    role = f"owner_{scene.database}"
    scene.sql(
        f"CREATE ROLE {role}",
        f"ALTER TABLE orders OWNER TO {role}",
        "CREATE VIEW few AS SELECT * FROM orders WHERE id < 10",
        "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
        "INSERT INTO parts SELECT generate_series(0, 99)",
    )
    return scene


@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_every_format_is_restored_and_counted(scene_with_owner: Scene, form: str) -> None:
    scene = scene_with_owner
    assertions = [
        {"name": "orders are numbered", "sql": "SELECT max(id) = 500 FROM public.orders"},
        {"name": "the view works", "sql": "SELECT count(*) = 9 FROM public.few"},
    ]
    scene.declare(format=form, restoreDrill={"assertions": assertions})

    assert scene.look() == WELL

    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "drill"]
    assert "600 rows in " in scene.outcomes()[1][1]
    assert scene.condition("RestoreTested") == ("True", "RestoreTested")
    assert scene.engine.status(REF)["lastRestoreDrill"]["rows"] == 600
    text = scene.engine.deps.metrics.render().decode()
    assert "swarmkeeper_postgres_backup_restore_seconds{" in text


def test_a_drill_is_repeated_when_it_is_due(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(maximumAge="9999h", restoreDrill={"every": "24h"})
    scene.look()
    scene.clock.forward(hours=23)
    scene.look()
    assert len(scene.outcomes()) == 2

    scene.clock.forward(hours=2)

    assert scene.look() == WELL
    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "drill", "drill"]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT count(*) > 1000 FROM public.orders", "it gives False"),
        ("SELECT id FROM public.invoices", "does not exist"),
        ("SELECT true WHERE false", "it gives nothing"),
    ],
)
def test_an_assertion_that_does_not_hold_is_told_and_not_tried_for_ever(
    scene: Scene, sql: str, told: str
) -> None:
    scene.fill(10)
    assertion = {"name": "enough orders", "sql": sql}
    scene.declare(restoreDrill={"assertions": [assertion]})

    assert scene.look() == ("False", "AssertionFailed")
    assert told in scene.engine.status(REF)["lastRestoreDrill"]["message"]
    scene.clock.forward(hours=1)
    scene.look()
    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "drill"]

    scene.fill(2000, "invoices")
    scene.sql("INSERT INTO orders SELECT n FROM generate_series(11, 2000) n")
    scene.clock.forward(hours=25)
    scene.look()
    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "drill", "backup", "drill"]


def test_rows_that_are_missing_are_found(scene: Scene) -> None:
    scene.fill(100)
    scene.declare()
    scene.look()
    manifest = scene.folder / scene.names()[0] / "manifest.json"
    document = json.loads(manifest.read_text())
    document["rows"]["public.orders"] = 101
    manifest.write_text(json.dumps(document))

    scene.change(restoreDrill={"every": "24h"})

    assert scene.look() == ("False", "RowsDiffer")
    assert scene.condition("RestoreTested") == ("False", "RowsDiffer")
    assert "100 rows, 101 were dumped" in scene.message()


def test_a_drill_can_use_a_database_on_a_server_and_leaves_nothing(scene: Scene) -> None:
    scene.fill(100)
    place = {"host": str(scene.server.folder), "database": "postgres"}
    scene.declare(restoreDrill={"server": place})

    assert scene.look() == WELL

    assert scene.condition("RestoreTested") == ("True", "RestoreTested")
    with scene.server.admin() as connection:
        query = "SELECT datname FROM pg_database WHERE datname ~ 'drill'"
        assert connection.execute(query).fetchall() == []


def test_by_the_level_drill_a_backup_counts_once_it_was_restored(scene: Scene) -> None:
    scene.fill(100)
    scene.declare(verification={"level": "Drill"})

    assert scene.look() == WELL

    ((runbook, outcome),) = scene.outcomes()
    assert (runbook, "verified: Drill" in outcome) == ("backup", True)
    assert scene.engine.status(REF)["lastRestoreDrill"]["rows"] == 100


def test_a_runbook_drills_the_backup_that_is_named(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(maximumAge="9999h")
    first, _ = scene.take(48, 24)

    run = scene.engine.ask("drill", REF, parameters={"backup": first})
    scene.engine.run(run)
    scene.look()
    scene.engine.run(run)

    assert scene.engine.condition(run, "Succeeded") == ("True", "Succeeded")
    assert scene.engine.status(REF)["lastRestoreDrill"]["backup"] == first


def test_an_operator_that_is_killed_in_a_drill_leaves_no_server(scene: Scene) -> None:
    scene.slow()
    scene.declare(restoreDrill={"every": "24h"})
    program = [sys.executable, "-m", "support.backup_process", str(scene.store)]
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    operator = subprocess.Popen(program, env=environment)
    try:
        wait_until(lambda: servers(scene), "no throw-away server has started")
    finally:
        operator.kill()
        operator.wait()
    wait_until(lambda: not servers(scene), "the throw-away server outlives the operator")

    scene.begin()
    assert scene.look() == WELL

    assert scene.condition("RestoreTested") == ("True", "RestoreTested")
    assert left_behind(scene) == []


def servers(scene: Scene) -> list[int]:
    """Processes of throw-away servers for the scene's backups."""
    found = []
    for folder in left_behind(scene):
        try:
            process = int((folder / "data/postmaster.pid").read_text("utf-8").splitlines()[0])
            os.kill(process, 0)
            found.append(process)
        except (OSError, ValueError, IndexError):
            continue
    return found
