"""After a restore: who uses the database must be well, and clients are told of that are not back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from support.backups import REF, Scene
from support.restores import ask, finish, rows

from desired_state.objects import ObjectRef
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.clients import clients, returned

pytestmark = pytest.mark.integration
APP = ObjectRef("Gauge", "app")
DONE = ("True", "Succeeded")


@pytest.fixture
def used(scene: Scene) -> Scene:
    """A damaged database with a backup, and an application that uses it."""
    scene.fill(1000)
    checks = [{"kind": "Gauge", "name": "app"}]
    scene.declare(restore={"drain": "0s", "reconnect": "0s", "healthChecks": checks})
    scene.engine.declare("app", value=1)
    scene.engine.run(APP)
    scene.look()
    scene.clock.forward(minutes=1)
    scene.engine.run(APP)
    scene.sql("DELETE FROM orders WHERE id > 10")
    return scene


def test_a_restore_has_succeeded_once_the_application_is_well_with_it(used: Scene) -> None:
    run = ask(used, "restore")
    finish(used, run, until="HealthChecksPending")
    assert used.engine.status(run)["phase"] == "Running"
    assert rows(used) == 1000

    used.clock.forward(seconds=11)
    used.engine.run(REF)
    used.engine.run(APP)

    assert finish(used, run) == DONE
    assert used.engine.status(run)["message"].endswith("Ready after it: Gauge/app")


def test_an_application_that_is_not_well_with_it_fails_the_run_and_nothing_is_undone(
    used: Scene,
) -> None:
    run = ask(used, "restore")
    finish(used, run, until="HealthChecksPending")
    used.engine.world.unreadable = "relation tasks does not exist"
    used.engine.run(APP)
    used.clock.forward(minutes=6)

    assert finish(used, run) == ("False", "HealthCheckFailed")
    message = used.engine.status(run)["message"]
    assert "Gauge/app is not Ready" in message
    assert "relation tasks does not exist" in message
    assert message.endswith("Way back: the runbook `swap-back`")
    assert rows(used) == 1000

    used.engine.world.unreadable = ""
    back = ask(used, "swap-back")
    finish(used, back, until="HealthChecksPending")
    assert rows(used) == 10
    used.engine.run(APP)
    used.clock.forward(minutes=1)
    used.engine.run(REF)
    used.engine.run(APP)
    assert finish(used, back) == DONE


@contextmanager
def client(scene: Scene, name: str, *, stubborn: bool) -> Iterator[None]:
    """An application with a connection, which comes back when it loses it; or does not."""
    gone, connected = threading.Event(), threading.Event()

    def work() -> None:
        while not gone.is_set():
            try:
                with psycopg.connect(scene.url, application_name=name) as connection:
                    connected.set()
                    while not gone.wait(0.05):
                        connection.execute("SELECT 1")
                        connection.rollback()
            except psycopg.Error:
                if not stubborn:
                    return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert connected.wait(30)
        yield
    finally:
        gone.set()
        thread.join()


def restored(scene: Scene, **restore: str) -> str:
    """Restores, and gives what was done by the trail."""
    scene.fill(10)
    scene.declare(restore={"drain": "0s", **restore})
    scene.look()
    scene.clock.forward(minutes=1)
    assert finish(scene, ask(scene, "restore")) == DONE
    return scene.outcomes()[-1][1]


def test_clients_that_come_back_are_told(scene: Scene) -> None:
    with client(scene, "shop", stubborn=True), client(scene, "agents", stubborn=True):
        assert restored(scene, reconnect="60s").endswith("2 of 2 clients are back")


def test_clients_that_do_not_come_back_are_named(scene: Scene) -> None:
    with client(scene, "shop", stubborn=True), client(scene, "agents", stubborn=False):
        assert restored(scene, reconnect="5s").endswith(
            "1 of 2 clients are back, not postgres (agents)"
        )


def test_where_nobody_was_connected_that_is_told(scene: Scene) -> None:
    assert restored(scene, reconnect="60s").endswith("no client was connected before")


def test_clients_that_the_role_may_not_see_are_unknown(scene: Scene) -> None:
    role = f"restorer_{scene.database}"
    scene.sql(f"CREATE ROLE {role} LOGIN", f"CREATE ROLE app_{role} LOGIN")
    url = scene.url.replace("postgres@", "")
    with (
        psycopg.connect(f"{url}&user=app_{role}", application_name="shop"),
        psycopg.connect(f"{url}&user={role}") as connection,
        scene.server.admin() as admin,
    ):
        assert clients(connection, scene.database) is None
        told = returned(connection, scene.database, None, 0, Leash(60))
        assert told.startswith("whether clients are back is unknown")

        admin.execute(f"GRANT pg_read_all_stats TO {role}".encode())
        assert clients(connection, scene.database) == {(f"app_{role}", "shop"): 1}
