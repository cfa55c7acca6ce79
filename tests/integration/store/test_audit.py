"""The audit trail keeps what was said, in order, and notices what was changed behind its back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.sql import SqlDatabase

pytestmark = pytest.mark.integration


def step(uid: str = "u1", key: str = "k1") -> Step:
    return Step(
        object="SwarmService/web",
        uid=uid,
        generation=1,
        revision="main@sha1:abc",
        reconcile_id="r1",
        runbook="scale",
        target="service/web",
        step=key,
        reason="replicas differ",
        before={"spec.replicas": 5},
        after={"spec.replicas": 3},
    )


def test_an_action_has_an_intent_and_an_outcome_under_one_id(database: SqlDatabase) -> None:
    trail = AuditTrail(database)
    action = trail.intend(step())
    trail.finish(action, Entry.SUCCEEDED, step(), outcome="scaled", verification="in sync")

    records = list(trail.records())

    assert [(r.action, r.entry) for r in records] == [
        (action, Entry.INTENDED),
        (action, Entry.SUCCEEDED),
    ]
    assert records[1].step == step()
    assert records[1].verification == "in sync"


def test_an_intent_without_outcome_is_known_after_a_restart(database: SqlDatabase) -> None:
    action = AuditTrail(database).intend(step())

    again = AuditTrail(database)

    assert [record.action for record in again.unfinished("u1")] == [action]
    assert again.unfinished("u2") == []
    again.finish(action, Entry.SUPERSEDED, step(), outcome="not wanted")
    assert AuditTrail(database).unfinished("u1") == []


def test_actions_are_counted_once_each_from_a_time_on(database: SqlDatabase) -> None:
    times = iter(datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(10))
    trail = AuditTrail(database, now=lambda: next(times))
    for _ in range(2):
        action = trail.intend(step())
        trail.resume(action, step())
        trail.finish(action, Entry.APPLIED, step(), outcome="done")

    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert trail.actions_since("u1", start) == 2
    assert trail.actions_since("u1", start + timedelta(minutes=1)) == 1
    assert trail.actions_since("u2", start) == 0


def test_budgets_are_counted_for_all_objects_and_for_each(database: SqlDatabase) -> None:
    times = iter(datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(10))
    trail = AuditTrail(database, now=lambda: next(times))
    for uid in ("u1", "u2", "u1"):
        trail.intend(step(uid))

    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert trail.all_actions_since(start) == 3
    assert trail.all_actions_since(start + timedelta(minutes=1)) == 2
    assert [record.step.uid for record in trail.begun("u1", start)] == ["u1", "u1"]
    assert len(trail.begun("u1", start + timedelta(minutes=1))) == 1


def test_an_approval_is_used_when_its_action_was_taken(database: SqlDatabase) -> None:
    trail = AuditTrail(database)
    for outcome in (Entry.FAILED, Entry.SUCCEEDED, Entry.APPLIED):
        action = trail.intend(step())
        trail.approve(action, step(), "plan abc was approved by ann")
        trail.finish(action, outcome, step(), outcome="")
    trail.finish(trail.intend(step()), Entry.SUCCEEDED, step(), outcome="not approved")

    assert trail.approvals_used("u1") == 2
    assert trail.approvals_used("u2") == 0
    assert trail.verify() is None


def test_the_history_of_an_object_tells_what_did_not_last(database: SqlDatabase) -> None:
    trail = AuditTrail(database)
    action = trail.intend(step())
    trail.resume(action, step())
    trail.finish(action, Entry.SUCCEEDED, step(), outcome="done")
    trail.relapse(action, step(), "was undone again")
    trail.intend(step("u2"))

    history = trail.history("u1", datetime(2020, 1, 1, tzinfo=UTC))

    assert [r.entry for r in history] == [Entry.INTENDED, Entry.SUCCEEDED, Entry.RELAPSED]
    assert trail.history("u1", datetime(2999, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_trail SET document = '{}' WHERE seq = 2",
        "UPDATE audit_trail SET entry = 'Failed' WHERE seq = 2",
        "DELETE FROM audit_trail WHERE seq = 2",
        "DELETE FROM audit_trail WHERE seq >= 2",
    ],
    ids=["changed", "relabelled", "removed", "cut off"],
)
def test_tampering_breaks_the_chain(database: SqlDatabase, tampering: str) -> None:
    trail = AuditTrail(database)
    for _ in range(2):
        trail.finish(trail.intend(step()), Entry.SUCCEEDED, step(), outcome="done")
    assert trail.verify() is None

    with database.write() as cursor:
        cursor.execute(tampering)

    assert trail.verify() == 2
