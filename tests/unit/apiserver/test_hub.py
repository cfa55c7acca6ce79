"""Handing changes on: none is lost at the edge of a time-out, and a slow watch is ended."""

from __future__ import annotations

import asyncio

import pytest

from swarmkeeper.apiserver import hub
from swarmkeeper.apiserver.hub import Hub, Subscription
from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.objects import Change, ChangeType, Key, Stored
from swarmkeeper.store.sql_objects import SqlObjectStore


def change(revision: int) -> Change:
    stored = Stored(Key("Widget", "default", "a"), "uid", revision, b"{}")
    return Change(ChangeType.ADDED, stored, None)


def test_what_waits_at_the_end_of_the_time_is_given() -> None:
    class Late(Subscription):
        """Gets a change while it is told that the time is over."""

        async def wait(self) -> None:
            self.offer(change(1))
            raise TimeoutError

    async def scenario() -> int:
        subscription = Late("Widget")
        subscription._wake.wait = subscription.wait  # type: ignore[method-assign, assignment]
        return len(await subscription.next(1))

    assert asyncio.run(scenario()) == 1


def test_a_watch_that_is_too_slow_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_WAITING", 2)

    async def scenario() -> tuple[int, bool]:
        subscription = Subscription("Widget")
        for revision in range(4):
            subscription.offer(change(revision))
        return len(await subscription.next(1)), subscription.ended

    assert asyncio.run(scenario()) == (2, True)


def test_changes_of_the_kind_are_handed_on_until_the_end() -> None:
    database = Database(IN_MEMORY)
    store = SqlObjectStore(database)

    async def scenario() -> list[str]:
        handing = Hub(store)
        handing.start()
        with handing.subscription("Widget") as subscription:
            for kind in ("Gadget", "Widget"):
                key = Key(kind, "default", "a")
                await asyncio.to_thread(store.put, key, "uid", lambda _: b"{}", expected=0)
            changes = await subscription.next(5)
            assert handing.revision == 2
            handing.stop()
            assert await subscription.next(5) == ()
        with handing.subscription("Widget") as late:
            assert late.ended
        return [c.stored.key.kind for c in changes]

    assert asyncio.run(scenario()) == ["Widget"]
    database.close()
