"""What a bucket may do to backups: each fault has its reason, none takes a dump anew, nothing half counts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.backups import REF, wait_until
from support.redis_server import free_port
from support.s3 import ADMIN, READER, S3Server
from support.stored_backups import StoredScene

from desired_state.objects import ObjectRef

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")
WRONG_KEY = {"accessKeySecretRef": {"name": "reader_key"}}
WRONG_SECRET = {"secretKeySecretRef": {"name": "wrong"}}
NO_SECRET = {"secretKeySecretRef": {"name": "nothing"}}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "there is no such bucket": ({"bucket": "nothing-here"}, "BucketMissing"),
    "an unknown key": ({"accessKeySecretRef": {"name": "wrong"}}, "CredentialsRefused"),
    "a wrong secret": (WRONG_SECRET, "CredentialsRefused"),
    "no secret": (NO_SECRET, "SecretMissing"),
    "nobody listens": ({"endpoint": f"http://127.0.0.1:{free_port()}"}, "BucketUnreachable"),
    "no such host": ({"endpoint": "http://nothing.invalid:8333"}, "BucketUnreachable"),
}


@pytest.mark.parametrize(("change", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_bucket_that_cannot_be_read_is_told_and_no_dump_is_taken_anew(
    stored: StoredScene, change: dict[str, Any], reason: str
) -> None:
    stored.fill()
    stored.declare(s3=stored.place(**change))
    stored.look()

    assert stored.look()[0] != "True"

    assert stored.condition("Fresh") == ("Unknown", reason)
    assert len(stored.names()) == 1
    stored.change(s3=stored.place(**{**change, **good(stored, change)}))
    stored.clock.forward(hours=1)
    assert stored.look() == WELL
    assert len(stored.done("backup")) == 1
    assert stored.stored() == stored.names()


def good(stored: StoredScene, change: dict[str, Any]) -> dict[str, Any]:
    """What undoes a change."""
    return {name: value for name, value in stored.place().items() if name in change}


def test_a_user_who_may_not_write_is_told(stored: StoredScene) -> None:
    stored.fill()
    reader = {
        "accessKeySecretRef": {"name": "reader_key"},
        "secretKeySecretRef": {"name": "reader_secret"},
    }
    stored.declare(s3=stored.place(**reader))

    assert stored.look() == ("False", "AccessDenied")

    assert stored.condition("Fresh") == ("False", "NotUploaded")
    assert stored.condition("Uploaded") == ("False", "NotUploaded")
    stored.change(s3=stored.place())
    stored.clock.forward(hours=1)
    assert stored.look() == WELL
    assert len(stored.done("backup")) == 1


def test_a_store_is_trusted_by_its_ca_alone(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(endpoint=stored.s3.tls_url))
    stored.look()
    assert stored.condition("Fresh") == ("Unknown", "CertificateRefused")

    ca = {"name": "ca"}
    stored.change(s3=stored.place(endpoint=stored.s3.tls_url, caSecretRef=ca))
    stored.clock.forward(hours=1)

    assert stored.look() == WELL
    assert stored.stored() == stored.names()


def test_what_is_no_tls_is_told(stored: StoredScene) -> None:
    stored.declare(s3=stored.place(endpoint=stored.s3.url.replace("http:", "https:")))
    stored.look()

    assert stored.condition("Fresh") == ("Unknown", "TLSFailed")


def test_a_store_that_hangs_is_given_up(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(timeout="1s"))
    assert stored.look() == WELL
    with frozen(stored.s3):
        stored.glance()

        assert stored.condition("Fresh") == ("Unknown", "BucketUnreachable")
    stored.clock.forward(hours=1)
    assert stored.look() == WELL


@contextmanager
def frozen(store: S3Server) -> Iterator[None]:
    """A store that takes connections and answers nothing."""
    os.kill(store.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(store.pid, signal.SIGCONT)


def test_an_upload_whose_operator_is_killed_does_not_count_and_is_done_again(
    stored: StoredScene,
) -> None:
    stored.slow()
    stored.declare(s3=stored.place(), compression="none")
    program = Path(sys.modules["support.backups"].__file__ or "").with_name("backup_process.py")
    tree = Path(__file__).parents[3]
    paths = os.pathsep.join(map(str, (tree / "tests", tree, tree / "operator")))
    command = [sys.executable, str(program), str(stored.store)]
    operator = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    try:
        wait_until(stored.uploads, "no upload begins")
        operator.kill()
        operator.wait(30)
        assert stored.stored() == []
        assert len(stored.names()) == 1

        stored.begin()
        assert stored.look() == WELL
    finally:
        operator.kill()
        operator.wait(30)

    (name,) = stored.names()
    assert stored.stored() == [name]
    assert stored.get(f"{name}/dump.pgdump") == stored.dump().read_bytes()
    assert stored.uploads() == []
    assert len(stored.done("backup")) <= 1


def test_there_is_no_room_to_fetch(stored: StoredScene) -> None:
    stored.slow()
    stored.declare(s3=stored.place(), compression="none")
    assert stored.look() == WELL
    shutil.rmtree(stored.folder)
    stored.folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(stored.folder)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        run = stored.engine.ask("verify", REF, name="verify")
        wait_until(
            lambda: "bytes left, the backup in the bucket has" in said(stored, run),
            "nothing is told",
        )
    finally:
        subprocess.run(["umount", "--lazy", str(stored.folder)], check=True)

    assert stored.engine.status(REF)["verifiedBackups"] == 1


def said(stored: StoredScene, run: ObjectRef) -> str:
    """What came of a run, after a pass."""
    stored.engine.run(run)
    stored.glance()
    return str(stored.engine.status(run))


def test_no_key_gets_out(stored: StoredScene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    stored.fill()
    stored.declare(s3=stored.place(**WRONG_SECRET))
    stored.look()
    stored.change(s3=stored.place())
    stored.clock.forward(hours=1)
    assert stored.look() == WELL

    kept = b"".join(path.read_bytes() for path in stored.home.glob("store.db*"))
    objects = b"".join(stored.get(f"{name}/manifest.json") for name in stored.stored())
    for secret in (ADMIN[1], READER[1], "wrong-planted-secret"):
        assert secret.encode() not in kept + objects
        assert secret not in caplog.text
