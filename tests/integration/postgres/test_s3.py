"""Backups in a bucket of a real S3 store: they count once it holds them, and are found there again."""

from __future__ import annotations

import os
import shutil

import pytest
from support.backups import REF
from support.stored_backups import StoredScene

from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres import s3

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")
MANY = {"maxActions": 100}
RETENTION = {"keepLast": 2, "minimumRedundancy": 1}


def test_a_backup_counts_once_the_bucket_holds_it(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())

    assert stored.look() == WELL

    (name,) = stored.names()
    dump = stored.dump().stat().st_size
    assert stored.objects() == {
        f"{name}/dump.pgdump": dump,
        f"{name}/manifest.json": pytest.approx(900, rel=1),
    }
    assert stored.condition("Uploaded") == ("True", "Uploaded")
    assert [runbook for runbook, _ in stored.outcomes()] == ["backup", "upload"]


@pytest.mark.parametrize("form", ["directory", "plain"])
def test_every_format_is_stored_and_fetched(stored: StoredScene, form: str) -> None:
    stored.fill()
    stored.declare(s3=stored.place(), format=form, restoreDrill={})
    stored.look()
    (name,) = stored.names()
    shutil.rmtree(stored.folder)

    stored.engine.run(stored.engine.ask("drill", REF, name="drill"))

    assert stored.look() == WELL
    assert stored.names() == [name]
    assert stored.done("drill")[-1].startswith(f"restored {name} for a trial: 2000 rows")


def test_a_large_file_goes_in_parts(stored: StoredScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PART", 5 << 20)  # the least that S3 allows
    stored.slow()
    stored.declare(s3=stored.place(), compression="none")

    assert stored.look() == WELL

    (name,) = stored.names()
    assert stored.dump().stat().st_size > 3 * s3.PART
    assert stored.get(f"{name}/dump.pgdump") == stored.dump().read_bytes()
    assert stored.uploads() == []


def test_a_lost_folder_is_found_in_the_bucket_again(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    (name,) = stored.names()
    shutil.rmtree(stored.folder)
    stored.begin()

    assert stored.look() == WELL

    assert len(stored.done("backup")) == 1
    assert stored.engine.status(REF)["lastSuccessfulBackup"]["name"] == name
    assert stored.engine.status(REF)["lastSuccessfulBackup"]["local"] is False


def test_what_is_only_in_the_bucket_is_fetched_and_verified(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    (name,) = stored.names()
    before = manifests.parse(stored.get(f"{name}/manifest.json"))
    shutil.rmtree(stored.folder)
    stored.clock.forward(hours=1)

    stored.engine.run(stored.engine.ask("verify", REF, name="verify"))
    stored.look()

    assert stored.names() == [name]
    assert stored.done("verify") == [f"verified {name}: Full"]
    after = manifests.parse(stored.get(f"{name}/manifest.json"))
    assert after.verified_at > before.verified_at
    assert after.etags == before.etags


def test_a_backup_that_is_only_in_the_bucket_is_restored(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    shutil.rmtree(stored.folder)
    stored.sql("DELETE FROM orders")

    stored.ask_for("restore", safetyBackup="no")

    assert "2000 rows" in stored.done("restore")[0]


def test_the_newest_stay_in_the_folder_all_in_the_bucket(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(keepLocal=2), limits=MANY)
    stored.take_more(4)

    assert len(stored.stored()) == 4
    assert stored.names() == stored.stored()[-2:]
    assert stored.engine.status(REF)["verifiedBackups"] == 4


def test_what_is_pinned_stays_in_the_folder_and_in_the_bucket(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(), retention=RETENTION, limits=MANY)
    stored.take_more(1)
    (first,) = stored.names()
    (stored.folder / first / "keep").touch()
    stored.take_more(3)

    assert first in stored.names()
    assert len(stored.stored()) == 3
    assert first in stored.stored()


def test_retention_goes_by_what_the_bucket_holds(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(), retention=RETENTION, limits=MANY)
    stored.take_more(4)

    assert len(stored.stored()) == 2
    assert {key.partition("/")[0] for key in stored.objects()} == set(stored.stored())
    assert stored.names() == stored.stored()[-1:]


def test_nothing_expires_while_the_newest_is_not_uploaded(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place(), retention={"keepLast": 1, "minimumRedundancy": 1})
    stored.look()
    first = stored.stored()
    stored.change(s3=stored.place(**reader()))
    stored.clock.forward(hours=25)

    assert stored.look() == ("False", "AccessDenied")

    assert stored.stored() == first
    assert len(stored.names()) == 2
    assert stored.condition("Fresh") == ("False", "NotUploaded")


def reader() -> dict[str, object]:
    """The keys of somebody who may not write."""
    return {
        "accessKeySecretRef": {"name": "reader_key"},
        "secretKeySecretRef": {"name": "reader_secret"},
    }


def test_what_is_overwritten_in_the_bucket_is_uploaded_again(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    (name,) = stored.names()
    stored.put(f"{name}/dump.pgdump", bytes(stored.dump().stat().st_size))

    assert stored.look() == WELL

    assert stored.get(f"{name}/dump.pgdump") == stored.dump().read_bytes()
    assert len(stored.done("upload")) == 2
    assert len(stored.done("backup")) == 1


def test_what_is_overwritten_in_the_bucket_alone_counts_no_more(stored: StoredScene) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    (name,) = stored.names()
    size = stored.dump().stat().st_size
    shutil.rmtree(stored.folder)
    stored.clock.forward(minutes=1)
    stored.put(f"{name}/dump.pgdump", bytes(size))

    for _ in range(3):
        stored.look()
        stored.clock.forward(hours=1)
    assert stored.look() == WELL

    (damaged,) = stored.engine.status(REF)["damaged"]
    assert (damaged["name"], damaged["reason"]) == (name, "ChecksumMismatch")
    assert len(stored.done("backup")) == 2
    assert name in stored.stored()


@pytest.mark.parametrize("lost", ["dump.pgdump", "manifest.json"])
def test_what_is_lost_in_the_bucket_is_uploaded_again(stored: StoredScene, lost: str) -> None:
    stored.fill()
    stored.declare(s3=stored.place())
    stored.look()
    (name,) = stored.names()
    before = set(stored.objects())
    stored.forget(f"{name}/{lost}")

    assert stored.look() == WELL

    assert set(stored.objects()) == before
    assert len(stored.done("backup")) == 1


def test_halves_in_the_bucket_are_removed_and_what_is_not_ours_stays(stored: StoredScene) -> None:
    stored.put("orders-20200101T000000Z/dump.pgdump", b"half")
    stored.put("notes/readme.txt", b"of people")
    stored.fill()
    stored.declare(s3=stored.place())

    assert stored.look() == WELL

    others = {key.partition("/")[0] for key in stored.objects()} - set(stored.names())
    assert others == {"notes"}
    assert stored.engine.status(REF)["ignored"] == ["notes"]


def test_a_dump_that_was_spoiled_before_its_upload_never_counts(stored: StoredScene) -> None:
    stored.fill()
    stored.declare()
    stored.look()
    (name,) = stored.names()
    dump = stored.dump()
    about = dump.stat()
    dump.write_bytes(bytes(about.st_size))
    os.utime(dump, ns=(about.st_atime_ns, about.st_mtime_ns))
    stored.change(s3=stored.place())
    stored.look()
    stored.clock.forward(hours=1)

    assert stored.look() == WELL

    assert name not in stored.stored()
    assert stored.engine.status(REF)["damaged"][0]["reason"] == "ChecksumMismatch"
