"""Events from several threads."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.announce import NORMAL, Announcement
from swarmkeeper.controller.recorder import Recorder
from swarmkeeper.runtime.ports import Objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READY = Announcement(NORMAL, "ReconciliationSucceeded", "runs")
OBJECTS = 40
PATIENCE = 30.0  # seconds; a test that fails may take them


class Api:
    """Takes events; a creation waits until as many as were asked for have once been under way."""

    def __init__(self, together: int = 1) -> None:
        self.reached = threading.Event()
        self.created: list[JsonObject] = []
        self.patched: list[JsonObject] = []
        self._together = together
        self._begun = itertools.count(1)

    def create(self, obj: JsonObject, **_: Any) -> JsonObject:
        if next(self._begun) >= self._together:
            self.reached.set()
        assert self.reached.wait(PATIENCE)
        self.created.append(obj)
        return obj

    def patch(self, _: ObjectRef, patch: JsonObject, **__: Any) -> JsonObject:
        self.patched.append(patch)
        return patch


def recorder(api: Api) -> Recorder:
    return Recorder(cast(Objects, api), actor="swarmkeeper")


def test_events_about_different_objects_are_written_at_the_same_time() -> None:
    """Two may share a lock by chance; so many never all do."""
    api = Api(together=2)
    events = recorder(api)

    def record(number: int) -> None:
        ref = ObjectRef("SwarmService", f"web-{number}")
        events.record(ref, str(number), READY, NOW)

    with ThreadPoolExecutor(OBJECTS) as threads:
        list(threads.map(record, range(OBJECTS)))

    assert len(api.created) == OBJECTS


def test_the_same_event_from_several_threads_is_created_once_and_counted() -> None:
    api = Api()
    events = recorder(api)

    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda _: events.record(ObjectRef("SwarmService", "web"), "1", READY, NOW), range(8)
            )
        )

    assert len(api.created) == 1
    assert [patch["count"] for patch in api.patched] == [2, 3, 4, 5, 6, 7, 8]
