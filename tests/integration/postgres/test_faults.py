"""What can go wrong with a backup: each has a reason of its own, nothing half counts, nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from support.backups import REF, Scene, dumps, wait_until
from support.postgres import missing, postgres_server
from support.redis_server import free_port

from swarmkeeper.adapters.postgres.folder import held

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")


@contextmanager
def locked(scene: Scene, table: str = "orders") -> Iterator[None]:
    """Holds up everybody who reads a table."""
    with psycopg.connect(scene.url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ({"host": "/nowhere"}, "ServerUnreachable"),
        ({"host": "127.0.0.1", "port": 1}, "ServerUnreachable"),
        ({"host": "no-such-host.invalid"}, "ServerUnreachable"),
        ({"database": "nothing"}, "DatabaseMissing"),
        ({"username": "nobody"}, "AuthenticationFailed"),
        ({"passwordSecretRef": {"name": "absent"}}, "SecretMissing"),
    ],
)
def test_each_fault_of_the_way_has_its_reason(
    scene: Scene, way: dict[str, object], reason: str
) -> None:
    scene.declare(server=way)

    assert scene.look() == ("False", reason)

    assert scene.condition("LastBackupSucceeded") == ("False", reason)
    assert scene.condition("Fresh") == ("False", "NoBackup")
    assert scene.names() == []


def test_a_role_that_may_not_read_all_is_told(scene: Scene) -> None:
    scene.fill(10)
    role = f"reader_{scene.database}"
    scene.sql(f"CREATE ROLE {role} LOGIN")
    scene.declare(server={"username": role})

    assert scene.look() == ("False", "PermissionDenied")


def test_a_table_that_somebody_has_locked_is_not_waited_for_for_ever(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(lockTimeout="100ms")
    with locked(scene):
        assert scene.look() == ("False", "LockTimeout")

    scene.clock.forward(minutes=1)
    assert scene.look() == WELL


def test_a_password_is_used_and_shown_nowhere(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    port = free_port()
    with postgres_server(port=port) as server:
        scene = Scene(server, tmp_path)
        scene.fill(10)
        scene.sql("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'right-horse-battery'")
        server.stop()
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (server.data / "pg_hba.conf").write_text(rules)
        server.start()
        scene.secrets.mkdir()
        secret = scene.secrets / "db_password"
        secret.write_text("wrong-horse-battery\n")
        way = {"host": "127.0.0.1", "port": port, "username": "keeper"}
        scene.declare(server={**way, "passwordSecretRef": {"name": "db_password"}})
        assert scene.look() == ("False", "AuthenticationFailed")

        secret.write_text("right-horse-battery\n")
        scene.clock.forward(minutes=1)
        assert scene.look() == WELL

        told = f"{scene.engine.stored(REF)}{scene.engine.records()}{scene.engine.events()}"
        assert "horse" not in told
        scene.close()


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    """A disk of its own."""
    path.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size}", "none", str(path)]
    if mount is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_full_disk_is_told_and_what_was_there_stays(scene: Scene, form: str) -> None:
    with small_disk(scene.home / "disk", "512k"):
        scene.folder = scene.home / "disk" / "backups"
        scene.fill(500)
        scene.declare(format=form)
        assert scene.look() == WELL
        first = scene.names()
        scene.fill(20000, "more")
        scene.clock.forward(hours=25)

        assert scene.look() == ("False", "DiskFull")

        assert scene.names() == first
        assert scene.engine.status(REF)["verifiedBackups"] == 1
        scene.sql("DROP TABLE more")
        scene.clock.forward(hours=1)
        assert scene.look() == WELL
        assert len(scene.names()) == 2
        assert not list(scene.folder.glob(".*partial"))


@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_a_dump_that_is_killed_does_not_count(scene: Scene, form: str) -> None:
    scene.slow()
    scene.declare(format=form)
    kill = Thread(target=signal_dump, args=(scene, signal.SIGKILL))
    kill.start()

    assert scene.look() == ("False", "DumpKilled")

    kill.join()
    assert scene.names() == []
    scene.clock.forward(hours=1)
    assert scene.look() == WELL
    assert len(scene.names()) == 1
    assert not list(scene.folder.glob(".*partial"))


def test_a_dump_that_hangs_is_ended_in_time(scene: Scene) -> None:
    scene.slow()
    scene.declare(backupTimeout="1s")
    freeze = Thread(target=signal_dump, args=(scene, signal.SIGSTOP))
    freeze.start()

    assert scene.look() == ("False", "Timeout")

    freeze.join()
    assert dumps(scene.database) == []
    assert scene.names() == []


def test_progress_is_told_and_a_cancelled_backup_ends(scene: Scene) -> None:
    scene.slow()
    scene.declare()
    freeze = Thread(target=signal_dump, args=(scene, signal.SIGSTOP))
    freeze.start()
    assert scene.glance() == ("Unknown", "Progressing")
    freeze.join()

    def told() -> bool:
        scene.glance()
        return "dump: " in scene.message()

    wait_until(told, "no progress is told")
    assert scene.entries() == ["Intended"]
    assert scene.condition("Fresh") == ("False", "NoBackup")

    scene.engine.run(scene.engine.ask("cancel", REF))

    assert scene.look() == ("False", "Cancelled")
    assert dumps(scene.database) == []
    assert scene.entries()[-1] == "Failed"


def test_a_server_that_dies_leaves_no_half_backup(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        scene = Scene(server, tmp_path)
        scene.slow()
        scene.declare()
        freeze = Thread(target=signal_dump, args=(scene, signal.SIGSTOP))
        freeze.start()
        scene.glance()
        freeze.join()
        server.kill()
        for process in dumps(scene.database):
            os.kill(process, signal.SIGCONT)

        assert scene.look() == ("False", "ServerUnreachable")
        assert scene.names() == []

        server.start()
        scene.clock.forward(hours=1)
        assert scene.look() == WELL
        scene.close()


def test_an_operator_that_is_killed_leaves_no_half_backup_and_goes_on(scene: Scene) -> None:
    scene.slow()
    scene.declare()
    program = [sys.executable, "-m", "support.backup_process", str(scene.store)]
    path = os.pathsep.join(sys.path)
    operator = subprocess.Popen(program, env={**os.environ, "PYTHONPATH": path})
    try:
        signal_dump(scene, signal.SIGSTOP)
    finally:
        operator.kill()
        operator.wait()

    wait_until(lambda: not dumps(scene.database), "pg_dump outlives the operator")
    assert scene.names() == []
    assert len(list(scene.folder.glob(".*partial"))) == 1

    scene.begin()
    assert scene.look() == WELL
    assert scene.entries() == ["Intended", "Resumed", "Succeeded"]
    assert len(scene.names()) == 1
    assert not list(scene.folder.glob(".*partial"))


def test_an_operator_that_is_told_to_end_takes_its_dump_with_it(scene: Scene) -> None:
    scene.slow()
    scene.declare()
    freeze = Thread(target=signal_dump, args=(scene, signal.SIGSTOP))
    freeze.start()
    scene.glance()
    freeze.join()

    scene.backups.close()

    assert dumps(scene.database) == []
    assert scene.names() == []


def test_two_operators_do_not_work_in_one_folder_at_once(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    with held(str(scene.folder)):
        assert scene.look() == ("False", "FolderBusy")

    scene.clock.forward(hours=1)
    assert scene.look() == WELL


def signal_dump(scene: Scene, number: signal.Signals) -> None:
    """Sends a signal to pg_dump as soon as it writes."""

    def writes() -> bool:
        return any(path.is_file() for path in scene.folder.glob(".*partial/**/*"))

    wait_until(lambda: dumps(scene.database) and writes(), "there is no pg_dump")
    for process in dumps(scene.database):
        with suppress(ProcessLookupError):
            os.kill(process, number)
