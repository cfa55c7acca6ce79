"""What is uploaded, and what may leave the folder and the bucket: decided from what both hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcilers.postgres_backup import RECONCILER
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from swarmkeeper.runtime.backup_tasks import Fault, Format, Level
from swarmkeeper.runtime.backups import CHANGED, Backup, Catalogue
from swarmkeeper.runtime.conditions import Status
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.testing import target_of
from swarmkeeper.testing.clock import START

HOUR = timedelta(hours=1)
PLACE: dict[str, Any] = {
    "bucket": "backups",
    "prefix": "pg/orders",
    "accessKeySecretRef": {"name": "a"},
    "secretKeySecretRef": {"name": "s"},
}
KEEP = {"keepLast": 1, "minimumRedundancy": 1}
AWAY = Fault("BucketUnreachable", "nobody answers")


def target(**fields: Any) -> Target[PostgresBackupSpec]:
    spec = {
        "server": {"host": "db", "database": "orders"},
        "folder": "/backups/orders",
        "maximumAge": "24h",
        "s3": PLACE,
        **fields,
    }
    return target_of(RECONCILER, spec, name="orders")


def backup(age: timedelta, **fields: Any) -> Backup:
    taken: datetime = START - age
    known: dict[str, Any] = {
        "name": f"orders-{taken:%Y%m%dT%H%M%SZ}",
        "taken_at": taken,
        "finished_at": taken,
        "size": 1000,
        "rows": 10,
        "database": "orders",
        "server_version": "15.18",
        "format": Format.CUSTOM,
        "level": Level.FULL,
        "verified_at": taken,
        "uploaded": True,
    }
    return Backup(**{**known, **fields})


def seen(*backups: Backup, fault: Fault | None = None) -> Observed:
    return Observed(Catalogue(backups=backups, bucket_fault=fault))


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(action.runbook, action.target.rpartition("/")[2]) for action in plan.actions]


def test_what_is_in_the_folder_alone_is_uploaded_and_not_taken_again() -> None:
    alone = backup(HOUR, uploaded=False)

    assert steps(RECONCILER.plan(target(), seen(alone))) == [("upload", alone.name)]
    found = {one.type: one for one in RECONCILER.verify(target(), seen(alone)).conditions}
    assert (found["Fresh"].status, found["Fresh"].reason) == (Status.FALSE, "NotUploaded")
    assert found["Uploaded"].status is Status.FALSE


def test_an_older_backup_in_the_bucket_is_fresh_enough_while_the_new_one_is_uploaded() -> None:
    both = seen(backup(HOUR, uploaded=False), backup(20 * HOUR))

    found = {one.type: one for one in RECONCILER.verify(target(), both).conditions}

    assert found["Fresh"].status is Status.TRUE
    assert found["Uploaded"].status is Status.FALSE


def test_what_is_damaged_is_not_uploaded() -> None:
    bad = backup(HOUR, uploaded=False, fault=Fault("Truncated", "it has 5 bytes"))

    assert "upload" not in [name for name, _ in steps(RECONCILER.plan(target(), seen(bad)))]


def test_what_the_bucket_holds_leaves_the_folder() -> None:
    known = [backup(n * HOUR) for n in range(1, 5)]

    (action,) = RECONCILER.plan(target(), seen(*known)).actions

    assert (action.runbook, action.parameters["backups"]) == ("prune", [b.name for b in known[1:]])


@pytest.mark.parametrize(
    "older",
    [
        {"uploaded": False},
        {"uploaded": False, "upload_fault": Fault(CHANGED, "written to")},
        {"pinned": True},
        {"local": False},
        {"fault": Fault("Truncated", "it has 5 bytes")},
    ],
    ids=str,
)
def test_nothing_else_leaves_the_folder(older: dict[str, Any]) -> None:
    plan = RECONCILER.plan(target(), seen(backup(HOUR), backup(2 * HOUR, **older)))

    assert "prune" not in [name for name, _ in steps(plan)]


def test_nothing_expires_before_all_is_uploaded() -> None:
    known = [backup(HOUR), backup(2 * HOUR, uploaded=False), backup(3 * HOUR, local=False)]

    plan = RECONCILER.plan(target(retention=KEEP), seen(*known))

    assert steps(plan) == [("upload", known[1].name)]


def test_dumps_are_taken_and_nothing_is_removed_while_the_bucket_is_away() -> None:
    old = [backup(n * HOUR, uploaded=None) for n in (25, 26)]
    away = seen(*old, fault=AWAY)

    assert [name for name, _ in steps(RECONCILER.plan(target(retention=KEEP), away))] == ["backup"]
    young = seen(*(backup(n * HOUR, uploaded=None) for n in (1, 2)), fault=AWAY)
    assert steps(RECONCILER.plan(target(retention=KEEP), young)) == []
    judged = RECONCILER.verify(target(), young)
    assert judged.healthy is None
    assert {one.reason for one in judged.conditions} == {"BucketUnreachable"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"endpoint": "s3.example.org"}, "no URL of a store"),
        ({"endpoint": "https://key:secret@s3.example.org"}, "no URL of a store"),
        ({"prefix": "/orders"}, "no slash at its ends"),
        ({"prefix": ""}, "prefix"),
        ({"bucket": "x"}, "bucket"),
        ({"keepLocal": 0}, "greater than or equal to 1"),
        ({"secretKey": "planted"}, "secretKey"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bucket_that_makes_no_sense_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        target(s3={**PLACE, **change})
