"""A damaged database is brought back by the runbook, with approval, and the way back works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from support.backups import REF, Scene, wait_until
from support.postgres import missing, postgres_server
from support.restores import ask, databases, finish, rows

pytestmark = pytest.mark.integration
DONE = ("True", "Succeeded")


def is_restoring(scene: Scene) -> bool:
    return any("_restoring_" in name for name in databases(scene))


@pytest.fixture
def damaged(scene: Scene) -> Scene:
    """A database with a backup, most of whose rows were lost since."""
    scene.fill(1000)
    scene.sql(f"ALTER DATABASE {scene.database} SET work_mem TO '5MB'")
    scene.declare(restore={"drain": "0s", "reconnect": "0s"})
    scene.look()
    scene.clock.forward(minutes=1)
    scene.sql("DELETE FROM orders WHERE id > 10")
    return scene


def test_nothing_is_restored_without_approval(damaged: Scene) -> None:
    run = damaged.engine.ask("restore", REF)
    damaged.engine.run(run)
    damaged.engine.run(REF)

    assert damaged.engine.status(run)["phase"] == "Pending"
    assert rows(damaged) == 10


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_damaged_database_comes_back_and_the_way_back_works(scene: Scene, form: str) -> None:
    scene.fill(1000)
    scene.sql(f"ALTER DATABASE {scene.database} SET work_mem TO '5MB'")
    scene.declare(format=form, restore={"drain": "0s", "reconnect": "0s"})
    scene.look()
    (first,) = scene.names()
    scene.clock.forward(minutes=1)
    scene.sql("DELETE FROM orders WHERE id > 10")

    assert finish(scene, ask(scene, "restore", backup=first)) == DONE

    assert rows(scene) == 1000
    assert len(scene.names()) == 2  # the safety backup
    assert len(databases(scene)) == 2
    with psycopg.connect(scene.url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)

    scene.clock.forward(minutes=1)
    assert finish(scene, ask(scene, "swap-back")) == DONE

    assert rows(scene) == 10
    assert [name.rpartition("_")[0] for name in databases(scene)][1:] == [
        f"{scene.database}_undone"
    ]


def test_clients_lose_their_connections_and_find_the_restored_rows(damaged: Scene) -> None:
    (first,) = damaged.names()
    with psycopg.connect(damaged.url, autocommit=True) as client:
        run = ask(damaged, "restore", backup=first)
        assert finish(damaged, run) == DONE
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")

    assert rows(damaged) == 1000


def test_a_database_that_is_gone_comes_back(damaged: Scene) -> None:
    with damaged.server.admin() as connection:
        connection.execute(f"DROP DATABASE {damaged.database}".encode())

    assert finish(damaged, ask(damaged, "restore")) == DONE
    assert rows(damaged) == 1000


def test_a_backup_that_is_damaged_is_not_restored(damaged: Scene) -> None:
    os.truncate(damaged.dump(), 5000)
    (first,) = damaged.names()
    run = ask(damaged, "restore", backup=first)
    finish(damaged, run)

    assert damaged.engine.status(run)["phase"] == "Failed"
    assert rows(damaged) == 10
    assert databases(damaged) == [damaged.database]


def test_an_operator_that_is_killed_while_it_restores_goes_on_and_swaps_once(scene: Scene) -> None:
    scene.slow()
    scene.declare(restore={"drain": "0s", "reconnect": "0s"})
    scene.look()
    (first,) = scene.names()
    scene.clock.forward(minutes=1)
    scene.sql("DELETE FROM big WHERE id > 10")
    run = ask(scene, "restore", backup=first, safetyBackup="no")
    program = [sys.executable, "-m", "support.backup_process", str(scene.store)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    operator = subprocess.Popen([*program, str(run)], env=environment)
    try:
        wait_until(lambda: is_restoring(scene), "nothing is restored")
    finally:
        operator.kill()
        operator.wait()
    assert rows(scene, "big") == 10

    scene.begin()

    assert finish(scene, run) == DONE
    assert rows(scene, "big") == 10000
    assert len(databases(scene)) == 2


def test_a_server_that_dies_in_a_restore_keeps_the_database_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(safe=True) as server:
        scene = Scene(server, tmp_path)
        scene.slow()
        scene.declare(restore={"drain": "0s", "reconnect": "0s"})
        scene.look()
        (first,) = scene.names()
        scene.clock.forward(minutes=1)
        scene.sql("DELETE FROM big WHERE id > 10")
        run = ask(scene, "restore", backup=first, safetyBackup="no")
        killed = Thread(target=kill_once_it_restores, args=(scene,))
        killed.start()

        def failed() -> bool:
            scene.engine.run(REF)
            return "Failed" in scene.entries()

        wait_until(failed, "nothing has failed")
        killed.join()
        assert rows(scene, "big") == 10
        scene.clock.forward(minutes=1)

        assert finish(scene, run) == DONE

        assert rows(scene, "big") == 10000
        assert len(databases(scene)) == 2
        scene.close()


def kill_once_it_restores(scene: Scene) -> None:
    """Kills the server in the middle of a restore; it is started again."""
    wait_until(lambda: is_restoring(scene), "nothing is restored")
    scene.server.kill()
    scene.server.start()
