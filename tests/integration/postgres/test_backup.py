"""PostgresBackup on a real server: taken in time, verified before it counts, kept as declared."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.backups import REF, Scene

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")


def test_a_database_without_a_backup_gets_one(scene: Scene) -> None:
    scene.fill(500)
    scene.sql("CREATE TABLE empty (id int)")
    scene.declare(expectedTables=["public.orders"])

    assert scene.look() == WELL

    ((runbook, outcome),) = scene.outcomes()
    assert runbook == "backup"
    assert "500 rows of 2 tables" in outcome
    manifest = json.loads((scene.folder / scene.names()[0] / "manifest.json").read_text())
    assert manifest["rows"] == {"public.orders": 500, "public.empty": 0}
    assert manifest["extensions"] == {"plpgsql": "1.0"}
    assert manifest["level"] == "Full"
    assert scene.condition("Fresh") == ("True", "Fresh")
    assert scene.condition("Verified") == ("True", "Verified")
    assert scene.condition("LastBackupSucceeded") == ("True", "Succeeded")
    assert scene.dump().stat().st_mode & 0o077 == 0
    text = scene.engine.deps.metrics.render().decode()
    assert 'postgres_backup_last_available_timestamp_seconds{name="orders"' in text
    assert 'swarmkeeper_postgres_backup_verified{name="orders",namespace="default"} 1.0' in text


def test_a_backup_that_is_fresh_is_left_alone(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.look()
    before = scene.engine.stored(REF)

    scene.clock.forward(hours=23)

    assert scene.look() == WELL
    assert len(scene.names()) == 1
    assert scene.engine.stored(REF) == before


def test_a_backup_that_became_too_old_is_followed_by_another(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.look()

    scene.clock.forward(hours=25)

    assert scene.look() == WELL
    assert len(scene.names()) == 2


def test_a_missed_schedule_is_made_up_for(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(maximumAge=None, schedule="0 3 * * *", timeZone="America/Sao_Paulo")
    scene.look()
    assert scene.engine.status(REF)["nextBackupTime"] == "2026-01-02T06:00:00Z"

    scene.clock.forward(hours=17)
    scene.look()
    assert len(scene.names()) == 1
    scene.clock.forward(hours=1, seconds=1)

    assert scene.look() == WELL
    assert len(scene.names()) == 2


@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_every_format_is_taken_and_verified(scene: Scene, form: str) -> None:
    scene.fill(100)
    scene.sql('CREATE TABLE "odd ""name" (id int)', 'INSERT INTO "odd ""name" VALUES (1)')
    jobs = 2 if form == "directory" else 1
    scene.declare(format=form, expectedTables=["public.orders"], jobs=jobs)

    assert scene.look() == WELL
    assert "101 rows of 2 tables" in scene.outcomes()[0][1]


@pytest.mark.parametrize("form", ["custom", "directory", "plain"])
def test_a_dump_without_an_expected_table_does_not_count(scene: Scene, form: str) -> None:
    scene.fill(100)
    scene.declare(format=form, expectedTables=["public.orders", "public.invoices"])

    assert scene.look() == ("False", "TableMissing")
    assert "public.invoices" in scene.engine.status(REF)["lastFailedBackup"]["message"]
    assert scene.names() == []
    assert scene.condition("Fresh") == ("False", "NoBackup")


def test_a_dump_that_is_too_small_does_not_count(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(minimumSize="1M")

    assert scene.look() == ("False", "TooSmall")
    assert scene.names() == []


def test_a_backup_cut_in_half_is_seen_and_a_new_one_is_taken(scene: Scene) -> None:
    scene.fill()
    scene.declare()
    scene.look()
    first = scene.names()[0]
    half(scene.dump())
    scene.clock.forward(minutes=1)

    assert scene.look() == WELL

    assert len(scene.names()) == 2
    status = scene.engine.status(REF)
    assert [(one["name"], one["reason"]) for one in status["damaged"]] == [(first, "Truncated")]
    assert status["verifiedBackups"] == 1


def test_a_flipped_byte_is_found_by_the_checksum(scene: Scene) -> None:
    scene.fill()
    scene.declare()
    scene.look()
    first = scene.names()[0]
    flip(scene.dump())
    scene.clock.forward(minutes=1)

    assert scene.look() == WELL

    assert len(scene.names()) == 2
    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "backup", "verify"]
    (bad,) = scene.engine.status(REF)["damaged"]
    assert (bad["name"], bad["reason"]) == (first, "ChecksumMismatch")


def test_a_copied_backup_counts_again_once_it_is_verified(scene: Scene) -> None:
    scene.fill()
    scene.declare()
    scene.look()
    dump = scene.dump()
    dump.write_bytes(dump.read_bytes())
    scene.clock.forward(minutes=1)

    assert scene.look() == WELL
    assert scene.engine.status(REF)["verifiedBackups"] == 2
    assert "damaged" not in scene.engine.status(REF)


def test_backups_are_read_again_from_time_to_time(scene: Scene) -> None:
    scene.fill()
    scene.declare(maximumAge="9999h", verification={"every": "24h"})
    scene.look()
    dump = scene.dump()
    about = dump.stat()
    flip(dump)
    set_time(dump, about.st_mtime_ns)
    assert scene.look() == WELL  # a disk that forgets tells nobody

    scene.clock.forward(hours=25)

    assert scene.look() == WELL
    assert [runbook for runbook, _ in scene.outcomes()] == ["backup", "verify", "backup"]
    assert scene.engine.status(REF)["damaged"][0]["reason"] == "ChecksumMismatch"


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        ({"keepLast": 1, "minimumRedundancy": 2}, 2),
        ({"keepLast": 3}, 3),
        ({"keepFor": "60h"}, 3),
        ({"keepFor": "1h", "minimumRedundancy": 1}, 1),
        ({"keepLast": 2, "keepFor": "80h"}, 4),
        ({"minimumRedundancy": 1}, 5),
    ],
)
def test_what_has_expired_goes_but_never_the_last_ones(
    scene: Scene, retention: dict[str, Any], kept: int
) -> None:
    scene.fill(10)
    scene.declare(maximumAge="9999h")
    names = scene.take(96, 72, 48, 24, 12)
    scene.change(retention=retention)

    assert scene.look() == WELL

    assert scene.names() == names[-kept:]
    assert not list(scene.folder.glob(".*removed"))


def test_a_pinned_backup_stays(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(maximumAge="9999h")
    first, *_, last = scene.take(96, 72, 48)
    (scene.folder / first / "keep").touch()
    scene.change(retention={"keepFor": "1h", "minimumRedundancy": 1})
    scene.look()

    assert scene.names() == [first, last]


def test_a_clock_that_jumps_ahead_removes_nothing(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.take(48, 24, 12)
    scene.change(retention={"keepFor": "720h", "minimumRedundancy": 1})
    scene.clock.forward(days=365)

    assert scene.look() == WELL

    assert len(scene.names()) == 4
    assert "clockSkew" in scene.engine.status(REF)["lastSuccessfulBackup"]


def test_nothing_expires_while_the_newest_attempt_has_failed(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.take(72, 48, 36)
    scene.change(expectedTables=["public.gone"])
    assert scene.look() == ("False", "TableMissing")
    scene.change(expectedTables=None, maximumAge="9999h", retention={"keepLast": 1})

    assert scene.look()[0] == "False"
    assert scene.condition("LastBackupSucceeded") == ("False", "TableMissing")
    assert len(scene.names()) == 3

    scene.begin()  # the failure outlives the process
    scene.look()
    assert len(scene.names()) == 3


def test_a_folder_that_vanished_is_unknown_not_empty(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.look()
    scene.folder.rename(scene.home / "unmounted")

    assert scene.look() == ("Unknown", "ObservationFailed")
    assert scene.condition("Fresh") == ("Unknown", "FolderMissing")
    assert not scene.folder.exists()


def test_what_is_no_backup_never_counts(scene: Scene) -> None:
    (scene.folder / "lost+found").mkdir(parents=True)
    (scene.folder / "orders-20260101T120000Z").mkdir()
    (scene.folder / "orders-20260101T110000Z").mkdir()
    (scene.folder / "orders-20260101T110000Z" / "manifest.json").write_text('{"version": 1}')
    scene.fill(10)
    scene.declare()

    assert scene.look() == WELL
    status = scene.engine.status(REF)
    assert status["verifiedBackups"] == 1
    assert status["ignored"] == ["lost+found", "orders-20260101T120000Z"]
    assert status["damaged"][0]["reason"] == "ManifestUnreadable"


def test_a_clock_that_jumps_back_removes_nothing_and_believes_nothing(scene: Scene) -> None:
    scene.fill(10)
    scene.declare(retention={"keepLast": 1, "minimumRedundancy": 1})
    scene.look()
    scene.clock.forward(hours=-48)

    scene.look()

    assert len(scene.names()) == 2  # what is from the future is not fresh, and is not removed
    assert scene.engine.status(REF)["damaged"][0]["reason"] == "FromTheFuture"


def test_a_runbook_that_is_asked_for_takes_one_more(scene: Scene) -> None:
    scene.fill(10)
    scene.declare()
    scene.look()
    run = scene.engine.ask("backup", REF)
    scene.engine.run(run)
    scene.clock.forward(minutes=1)

    assert scene.look() == WELL
    scene.engine.run(run)

    assert len(scene.names()) == 2
    assert scene.engine.condition(run, "Succeeded") == ("True", "Succeeded")


def half(path: Path) -> None:
    """Cuts a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Changes one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def set_time(path: Path, nanoseconds: int) -> None:
    """Sets the time back: as if nobody had written."""
    os.utime(path, ns=(nanoseconds, nanoseconds))
