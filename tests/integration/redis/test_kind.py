"""RedisStream in the engine, on a real Redis: healed, held, approved, claimed; and the trail of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.harness import HandClock, Harness
from support.redis_server import Client, RedisServer

from desired_state.objects import API_VERSION, ObjectRef
from reconcilers.registry import RECONCILERS
from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.store.audit import Entry
from swarmkeeper.testing import FakeHttp, FakeSwarm

pytestmark = pytest.mark.integration
REF = ObjectRef("RedisStream", "events")


class Scene:
    """A stream that is declared, and what the engine makes of it."""

    def __init__(self, server: RedisServer, client: Client, streams: RedisStreams) -> None:
        self.server, self.client, clock = server, client, HandClock()
        ports = Ports(FakeSwarm(), FakeHttp(), clock, streams)
        self.engine = Harness(reconcilers=RECONCILERS, ports=ports, clock=clock)

    def declare(self, **spec: Any) -> None:
        server = {"url": self.server.url}
        body = {"server": server, "key": "events", "maxLength": 100, **spec}
        document = {"apiVersion": API_VERSION, "kind": "RedisStream", "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": "events"}}, actor="test")

    def fill(self, count: int) -> None:
        for number in range(1, count + 1):
            self.client.xadd("events", {"n": number}, id=f"{number}-0")

    def look(self) -> tuple[str, str]:
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    def outcomes(self) -> list[tuple[str, str]]:
        ended = (one for one in self.engine.trail.records() if one.entry is Entry.SUCCEEDED)
        return [(one.step.runbook, one.outcome) for one in ended]

    def approve(self, plan: str) -> None:
        patch = {"metadata": {"annotations": {"swarmkeeper.dev/approve": plan}}}
        self.engine.objects.patch(REF, patch, actor="test")


@pytest.fixture
def scene(server: RedisServer, client: Client, streams: RedisStreams) -> Scene:
    return Scene(server, client, streams)


def test_a_stream_that_grew_too_long_is_trimmed_in_one_pass(scene: Scene) -> None:
    scene.fill(500)
    scene.client.xgroup_create("events", "workers", id="450-0")
    scene.declare()

    assert scene.look() == ("True", "ReconciliationSucceeded")

    assert scene.client.xlen("events") == 100
    assert scene.outcomes() == [("trim", "removed 400 entries, 100 are left")]
    text = scene.engine.deps.metrics.render().decode()
    assert 'swarmkeeper_redis_stream_length{name="events",namespace="default"} 100.0' in text
    assert 'stream_lag{group="workers",name="events",namespace="default"} 50.0' in text


def test_a_reader_that_lags_holds_up_the_trim_and_is_named(scene: Scene) -> None:
    scene.fill(500)
    scene.client.xgroup_create("events", "workers", id="250-0")
    scene.declare()

    assert scene.look() == ("False", "ConsumersBehind")
    assert scene.client.xlen("events") == 250  # what it was done with is gone

    scene.client.xgroup_setid("events", "workers", "500-0")
    assert scene.look() == ("True", "ReconciliationSucceeded")
    assert scene.client.xlen("events") == 100


def test_what_is_unread_is_dropped_with_approval_and_lies_in_a_file(scene: Scene) -> None:
    scene.fill(500)
    scene.client.xgroup_create("events", "workers", id="0")
    scene.declare(trim={"policy": "Always"})

    assert scene.look() == ("False", "ApprovalRequired")
    pending = scene.engine.status(REF)["pendingApproval"]
    assert pending["actions"][0]["after"] == {"length": 100, "lostAtMost": {"workers": 500}}
    assert "lost unread or unacknowledged: 400 of workers" in pending["actions"][0]["reason"]
    assert scene.client.xlen("events") == 500

    scene.approve("wrong")
    assert scene.look() == ("False", "ApprovalRequired")
    scene.approve(pending["hash"])
    assert scene.look() == ("True", "ReconciliationSucceeded")

    assert scene.client.xlen("events") == 100
    ((runbook, outcome),) = scene.outcomes()
    assert (runbook, "dropped 400 entries" in outcome) == ("drop", True)
    assert Path(outcome.rpartition(" ")[2]).is_file()


def test_an_approval_does_not_cover_a_greater_loss(scene: Scene) -> None:
    scene.fill(500)
    scene.client.xgroup_create("events", "workers", id="0")
    scene.declare(trim={"policy": "Always"})
    scene.look()
    scene.approve(scene.engine.status(REF)["pendingApproval"]["hash"])
    for number in range(501, 800):
        scene.client.xadd("events", {"n": number}, id=f"{number}-0")

    assert scene.look() == ("False", "ApprovalRequired")
    assert scene.client.xlen("events") == 799


def test_entries_of_a_dead_consumer_go_to_one_that_works(scene: Scene) -> None:
    scene.fill(11)
    scene.client.xgroup_create("events", "workers", id="0")
    scene.client.xreadgroup("workers", "dead", {"events": ">"}, count=10)
    scene.client.xclaim(
        "events", "workers", "dead", 0, [f"{n}-0" for n in range(1, 11)], idle=600_000
    )
    scene.client.xreadgroup("workers", "alive", {"events": ">"}, count=1)
    scene.declare(claim={"minIdle": "5m"})

    assert scene.look() == ("True", "ReconciliationSucceeded")

    pending = scene.client.xpending("events", "workers")
    assert pending["consumers"] == [{"name": b"alive", "pending": 11}]
    assert scene.outcomes() == [("claim", "10 entries of workers went to alive")]


def test_a_stream_that_vanished_is_not_green_and_not_zero(scene: Scene) -> None:
    scene.declare()

    assert scene.look() == ("False", "StreamMissing")
    text = scene.engine.deps.metrics.render().decode()
    assert "swarmkeeper_redis_stream_length{" not in text


def test_a_runbook_that_is_asked_for_is_done_once(scene: Scene) -> None:
    scene.fill(105)
    scene.client.xgroup_create("events", "workers", id="$")
    scene.declare()
    assert scene.look() == ("True", "ReconciliationSucceeded")
    assert scene.client.xlen("events") == 105  # within the band

    run = scene.engine.ask("trim", REF)
    scene.engine.run(run)
    scene.look()
    scene.engine.run(run)

    assert scene.client.xlen("events") == 100
    assert scene.engine.condition(run, "Succeeded") == ("True", "Succeeded")
