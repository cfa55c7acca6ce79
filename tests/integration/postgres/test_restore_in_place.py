"""A restore over what is in use: all of it or nothing, and nobody stays locked out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from support.backups import REF, Scene, wait_until
from support.postgres import missing, postgres_server
from support.restores import (
    IN_PLACE as HOW,
)
from support.restores import (
    ask,
    copies,
    databases,
    finish,
    napping,
    processes,
    rows,
    wake,
)

from desired_state.objects import ObjectRef
from swarmkeeper.adapters.postgres import manifest as manifests

pytestmark = pytest.mark.integration
DONE = ("True", "Succeeded")


@pytest.fixture(params=["custom", "directory"])
def damaged(scene: Scene, request: pytest.FixtureRequest) -> Scene:
    """A database with a backup, most of whose rows were lost since."""
    scene.fill(1000)
    scene.sql(
        "CREATE SEQUENCE numbers START 7",
        "CREATE TABLE lines (id int REFERENCES orders)",
        "INSERT INTO lines SELECT generate_series(1, 10)",
        "CREATE VIEW few AS SELECT * FROM orders WHERE id < 5",
        f"COMMENT ON DATABASE {scene.database} IS 'ours'",
    )
    scene.declare(format=request.param, restore=HOW)
    scene.look()
    scene.clock.forward(minutes=1)
    scene.sql("DELETE FROM orders WHERE id > 10", "CREATE TABLE later (id int)")
    return scene


def test_what_was_lost_comes_back_and_the_safety_backup_is_the_way_back(damaged: Scene) -> None:
    (first,) = damaged.names()
    with damaged.server.admin() as admin:
        before = admin.execute(
            "SELECT oid FROM pg_database WHERE datname = %s", (damaged.database,)
        )
        oid = before.fetchone()

    assert finish(damaged, ask(damaged, "restore", backup=first)) == DONE

    assert rows(damaged) == 1000
    assert rows(damaged, "lines") == 10
    assert rows(damaged, "few") == 4
    assert rows(damaged, "later") == 0
    assert databases(damaged) == [damaged.database]
    with damaged.server.admin() as admin:
        found = admin.execute(
            "SELECT oid, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (damaged.database,),
        ).fetchone()
    assert found is not None
    assert (found[0],) == oid
    assert found[1].startswith(f"swarmkeeper: {first} restored in place, ")
    assert found[1].endswith("\nours")

    (safety,) = set(damaged.names()) - {first}
    assert f"way back: restore of the safety backup, took {safety}" in damaged.outcomes()[-1][1]
    damaged.clock.forward(minutes=1)
    assert finish(damaged, ask(damaged, "restore", backup=safety)) == DONE
    assert rows(damaged) == 10


def test_writers_wait_and_nothing_that_was_committed_is_lost(damaged: Scene) -> None:
    (first,) = damaged.names()
    ended, written = threading.Event(), [0]

    def write() -> None:
        number = 5000
        while not ended.is_set():
            try:
                with psycopg.connect(damaged.url, autocommit=True) as client:
                    while not ended.is_set():
                        number += 1
                        client.execute("INSERT INTO orders VALUES (%s, 'new')", (number,))
                        written[0] += 1
            except psycopg.Error:
                continue

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: written[0], "nothing is written")
        assert finish(damaged, ask(damaged, "restore", backup=first)) == DONE
        before = written[0]
        wait_until(lambda: written[0] > before, "writers stay locked out")
    finally:
        ended.set()
        writer.join()

    (safety,) = set(damaged.names()) - {first}
    kept = manifests.read(damaged.folder / safety).rows["public.orders"] - 10
    assert kept > 0
    assert kept + rows(damaged) - 1000 >= written[0]


def test_who_holds_a_lock_loses_the_connection(damaged: Scene) -> None:
    with psycopg.connect(damaged.url) as client:
        client.execute("UPDATE orders SET note = 'mine'")
        assert finish(damaged, ask(damaged, "restore")) == DONE
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")

    assert rows(damaged) == 1000


def test_a_restore_that_fails_half_way_leaves_all_as_it_was(damaged: Scene) -> None:
    damaged.sql("CREATE VIEW later_orders AS SELECT * FROM orders")

    run = ask(damaged, "restore")
    finish(damaged, run)

    assert damaged.engine.condition(run, "Succeeded") == ("False", "Refused")
    assert "other objects depend on it" in damaged.engine.status(run)["message"]
    assert (rows(damaged), rows(damaged, "later_orders"), rows(damaged, "lines")) == (10, 10, 10)
    assert len(damaged.names()) == 2


def test_rows_that_differ_are_never_committed(damaged: Scene) -> None:
    (first,) = damaged.names()
    manifest = manifests.read(damaged.folder / first)
    manifests.write(damaged.folder / first, replace(manifest, rows={"public.orders": 1001}))

    run = ask(damaged, "restore", backup=first, safetyBackup="no")
    finish(damaged, run)

    assert "1000 rows, 1001 were dumped" in damaged.engine.status(run)["message"]
    assert rows(damaged) == 10
    assert damaged.names() == [first]


def test_a_role_that_may_not_is_refused_before_anything_is_done(scene: Scene) -> None:
    role = f"restorer_{scene.database}"
    scene.sql(f"CREATE ROLE {role} LOGIN IN ROLE pg_signal_backend, pg_read_all_stats")
    scene.fill(10)
    scene.declare(restore={**HOW, "username": role})
    scene.look()

    run = ask(scene, "restore")
    finish(scene, run)

    assert "must be owner of database" in scene.engine.status(run)["message"]
    assert len(scene.names()) == 1


def test_a_database_that_is_gone_needs_the_other_method(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(restore=HOW)
    scene.look()
    with scene.server.admin() as connection:
        connection.execute(f"DROP DATABASE {scene.database}".encode())

    run = ask(scene, "restore")
    finish(scene, run)

    assert "restore.method Swap makes a new one" in scene.engine.status(run)["message"]


@contextmanager
def operating(scene: Scene, run: ObjectRef) -> Iterator[subprocess.Popen[bytes]]:
    """An operator in a process of its own, in the middle of a restore."""
    program = [sys.executable, "-m", "support.backup_process", str(scene.store), str(run)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    operator = subprocess.Popen(program, env=environment)
    try:
        wait_until(lambda: copies(scene), "nothing is restored")
        yield operator
    finally:
        operator.kill()
        operator.wait()


def test_an_operator_that_is_killed_leaves_the_former_rows_and_an_open_database(
    scene: Scene,
) -> None:
    run = ask(scene, "restore", backup=napping(scene), safetyBackup="no")
    with operating(scene, run):
        pass

    # Waits for the server to notice, where it has to.
    assert rows(scene, "big") == 10
    scene.sql("INSERT INTO big VALUES (11, 'written at once')")
    wake(scene)
    scene.begin()

    assert finish(scene, run) == DONE
    assert rows(scene, "big") == 2000


@pytest.mark.parametrize("program", ["pg_restore", "psql"])
def test_a_program_that_is_killed_leaves_the_former_rows_and_the_run_goes_on(
    scene: Scene, program: str
) -> None:
    run = ask(scene, "restore", backup=napping(scene), safetyBackup="no")
    killed: list[int] = []

    def kill() -> None:
        wait_until(lambda: copies(scene), "nothing is restored")
        for process in processes(program, scene):
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    killer = threading.Thread(target=kill)
    killer.start()

    def failed() -> bool:
        scene.engine.run(REF)
        return "Failed" in scene.entries()

    wait_until(failed, "nothing has failed")
    killer.join()
    assert killed
    assert rows(scene, "big") == 10
    wake(scene)
    scene.clock.forward(minutes=1)

    assert finish(scene, run) == DONE
    assert rows(scene, "big") == 2000


def test_a_server_that_dies_leaves_the_former_rows_and_the_run_goes_on(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(safe=True) as server:
        scene = Scene(server, tmp_path)
        run = ask(scene, "restore", backup=napping(scene), safetyBackup="no")
        with operating(scene, run) as operator:
            server.kill()
            operator.kill()
            server.start()
        assert rows(scene, "big") == 10
        wake(scene)
        scene.begin()

        assert finish(scene, run) == DONE
        assert rows(scene, "big") == 2000
        scene.close()
