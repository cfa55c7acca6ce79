"""Old history and old events are forgotten; a stop waits for the step under way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from support.widgets import WIDGET, widget

from desired_state.objects import JsonObject
from desired_state.scheme import Scheme
from swarmkeeper.apiserver import housekeeping
from swarmkeeper.apiserver.housekeeping import Housekeeping
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.sql_objects import SqlObjectStore


@pytest.fixture
def resources() -> Iterator[Resources]:
    database = Database(IN_MEMORY)
    yield Resources(SqlObjectStore(database), Scheme([WIDGET]))
    database.close()


def event(name: str, **times: object) -> JsonObject:
    return {"kind": "Event", "metadata": {"name": name}, "involvedObject": {}, **times}


def test_events_are_kept_for_their_time(resources: Resources) -> None:
    now = datetime.now(UTC)
    old, new = (now - timedelta(minutes=61)).isoformat(), (now - timedelta(minutes=59)).isoformat()
    for body in (
        event("old", lastTimestamp=old),
        event("new", lastTimestamp=new, firstTimestamp=old),
        event("series", eventTime=old, series={"lastObservedTime": new}),
        event("old-series", eventTime=old),
        event("created-now"),
        event("unreadable", lastTimestamp="yesterday"),
    ):
        resources.create(body, actor=PROGRAM)

    keeping = Housekeeping(resources.verbs, event_ttl=timedelta(hours=1))

    assert keeping.expire_events() == 2
    left = [e["metadata"]["name"] for e in resources.list("Event")]
    assert left == ["created-now", "new", "series", "unreadable"]


def test_history_is_kept_for_an_interval_and_a_number_of_changes(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "KEPT_REVISIONS", 5)
    keeping = Housekeeping(resources.verbs, event_ttl=timedelta(hours=1))
    for number in range(10):
        resources.create(widget(f"w{number}"), actor=PROGRAM)

    keeping.compact()
    assert resources.store.compacted == 0  # nothing is older than the last call
    before = resources.store.revision
    for number in range(3):
        resources.create(widget(f"v{number}"), actor=PROGRAM)
    keeping.compact()
    assert resources.store.compacted == before - 2  # 3 new ones, and 2 to make 5


def test_it_runs_until_it_is_stopped(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(housekeeping, "COMPACTION_INTERVAL", 0.01)
    turns: list[int] = []

    class Counting(Housekeeping):
        """Fails at each turn."""

        def compact(self) -> int:
            turns.append(1)
            raise ValueError

    async def scenario() -> None:
        keeping = Counting(resources.verbs, event_ttl=timedelta(hours=1))
        keeping.start()
        while len(turns) < 2:
            await asyncio.sleep(0.01)
        await keeping.stop()

    asyncio.run(asyncio.wait_for(scenario(), 10))
    assert "housekeeping failed" in caplog.text
