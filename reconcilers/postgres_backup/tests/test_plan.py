"""When backups are due, and which may go: decided from what lies there and what time it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcilers.postgres_backup import RECONCILER
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.retention import expired
from reconcilers.postgres_backup.spec import PostgresBackupSpec, Retention
from swarmkeeper.runtime.backup_tasks import Fault, Format, Level
from swarmkeeper.runtime.backups import Activity, Backup, Catalogue, Failure, Progress
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing import target_of
from swarmkeeper.testing.clock import START

MINIMAL = {
    "server": {"host": "db", "database": "orders"},
    "folder": "/backups/orders",
    "maximumAge": "24h",
}


def target(status: dict[str, Any] | None = None, **fields: Any) -> Target[PostgresBackupSpec]:
    return target_of(RECONCILER, {**MINIMAL, **fields}, name="orders", status=status)


def backup(age: timedelta, **fields: Any) -> Backup:
    taken: datetime = START - age
    known = {
        "name": f"orders-{taken:%Y%m%dT%H%M%SZ}",
        "taken_at": taken,
        "finished_at": taken + timedelta(seconds=10),
        "size": 1000,
        "rows": 10,
        "database": "orders",
        "server_version": "15.18",
        "format": Format.CUSTOM,
        "level": Level.FULL,
        "verified_at": taken + timedelta(seconds=10),
    }
    return Backup(**{**known, **fields})


def seen(*backups: Backup, activity: Activity | None = None) -> Observed:
    found = sorted(backups, key=lambda one: one.taken_at, reverse=True)
    return Observed(Catalogue(backups=tuple(found)), activity or Activity())


def planned(*backups: Backup, **fields: Any) -> Plan:
    return RECONCILER.plan(target(**fields), seen(*backups))


def runbooks(plan: Plan) -> list[str]:
    return [action.runbook for action in plan.actions]


def judged(*backups: Backup, **fields: Any) -> Verification:
    return RECONCILER.verify(target(**fields), seen(*backups))


HOUR = timedelta(hours=1)
BAD = Fault("Truncated", "it has 5 bytes")


@pytest.mark.parametrize(
    ("backups", "due"),
    [
        ([], True),
        ([backup(23 * HOUR)], False),
        ([backup(25 * HOUR)], True),
        ([backup(HOUR, fault=BAD), backup(2 * HOUR)], True),
        ([backup(HOUR), backup(2 * HOUR, fault=BAD)], False),
        ([backup(HOUR, level=Level.LIST)], True),
        ([backup(HOUR, size=10)], True),
        ([backup(-2 * HOUR)], True),
        ([backup(-2 * HOUR), backup(HOUR)], False),
    ],
    ids=["none", "fresh", "old", "newest bad", "older bad", "unread", "small", "future", "both"],
)
def test_a_backup_is_due_when_none_counts_that_is_fresh(backups: list[Backup], due: bool) -> None:
    plan = planned(*backups, minimumSize="100")

    assert ("backup" in runbooks(plan)) is due
    assert bool(plan.drift) is bool(plan.actions)


def test_a_step_stays_the_same_while_its_backup_is_written() -> None:
    before = planned(backup(25 * HOUR)).actions[0]
    later = RECONCILER.plan(target(), seen(backup(25 * HOUR)))

    assert before.key("uid", 1) == later.actions[0].key("uid", 1)


def test_what_can_not_be_read_is_not_acted_upon() -> None:
    plan = RECONCILER.plan(target(), Observed(Unknown("no such folder"), Activity(), "Gone"))

    assert (plan.actions, plan.unknown) == ((), ("no such folder",))


def test_a_lost_level_is_made_up_for_by_reading_again() -> None:
    plan = planned(backup(HOUR), backup(2 * HOUR, level=Level.LIST))

    assert [(a.runbook, a.parameters) for a in plan.actions] == [
        ("verify", {"backup": backup(2 * HOUR).name})
    ]


def test_nothing_expires_while_something_newer_is_in_doubt() -> None:
    old = [backup(n * HOUR) for n in range(2, 8)]
    retention = {"keepLast": 1}

    assert "expire" in runbooks(planned(backup(HOUR), *old, retention=retention))
    assert "expire" not in runbooks(planned(backup(HOUR, fault=BAD), *old, retention=retention))
    assert "expire" not in runbooks(planned(backup(-2 * HOUR), *old, retention=retention))


def test_nothing_expires_after_an_attempt_that_failed_also_in_another_process() -> None:
    failed = {"at": START.isoformat(), "reason": "DiskFull", "message": "it is full"}
    known = [backup(n * HOUR) for n in range(1, 8)]
    asked = target({"lastFailedBackup": failed}, retention={"keepLast": 1})

    assert runbooks(RECONCILER.plan(asked, seen(*known))) == []


@given(
    ages=st.lists(st.integers(0, 1000), max_size=12),
    pins=st.sets(st.integers(0, 11)),
    last=st.none() | st.integers(1, 6),
    hours=st.none() | st.integers(1, 500),
    least=st.integers(1, 5),
)
def test_retention_never_removes_what_must_stay(
    ages: list[int], pins: set[int], last: int | None, hours: int | None, least: int
) -> None:
    known = [
        backup(age * HOUR, name=f"b{number}", pinned=number in pins)
        for number, age in enumerate(sorted(ages))
    ]
    keep_for = f"{hours}h" if hours else None
    rules = {"keepLast": last, "keepFor": keep_for, "minimumRedundancy": least}
    gone = expired(known, Retention.model_validate(rules), START)

    kept = [one for one in known if one.name not in gone]
    assert len(kept) >= min(len(known), max(least, last or 1))
    assert kept[:1] == known[:1]
    assert all(one in kept for one in known if one.pinned)
    if hours is not None:
        assert all(one in kept for one in known if START - one.taken_at <= hours * HOUR)


def test_fresh_and_verified_are_told_by_the_newest_that_counts() -> None:
    found = judged(backup(HOUR), backup(30 * HOUR))

    assert {c.type: (str(c.status), c.reason) for c in found.conditions} == {
        "Fresh": ("True", "Fresh"),
        "Verified": ("True", "Verified"),
        "LastBackupSucceeded": ("True", "Succeeded"),
    }
    assert (found.healthy, found.failure) == (True, None)
    assert found.fields["verifiedBackups"] == 2


def test_a_schedule_alone_has_an_hour_of_grace() -> None:
    only = {"maximumAge": None, "schedule": "0 * * * *"}
    newest = backup(61 * timedelta(minutes=1))
    older = backup(4 * HOUR)

    assert runbooks(planned(newest, **only)) == ["backup"]
    assert str(judged(newest, **only).conditions[0].status) == "True"
    assert judged(older, **only).conditions[0].reason == "ScheduleMissed"


def test_what_failed_is_a_failure_and_what_is_under_way_is_none() -> None:
    failure = Failure("DiskFull", "it is full", START)
    progress = Progress("dump", 50 << 20, 100 << 20, 10.0)

    failed = RECONCILER.verify(target(), seen(activity=Activity(None, failure)))
    going = RECONCILER.verify(target(), seen(activity=Activity(progress, failure)))

    assert failed.failure == ("NoBackup", "there is no backup that counts")
    assert failed.conditions[2].reason == "DiskFull"
    assert going.failure is None
    assert going.progress == "dump: 50.0 MiB, 5.0 MiB/s, of about 100.0 MiB: 10s left"
