"""A service that another object works on is left alone until that is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.service_world import World

from swarmkeeper.runtime import service_hold
from swarmkeeper.runtime.errors import Wait


def stopped(world: World) -> None:
    """Another object holds the service, and has stopped it."""
    until = world.clock.now() + timedelta(minutes=5)

    def change(spec: dict[str, Any]) -> None:
        service_hold.hold(spec, "Certificate/app", until)
        spec["Mode"]["Replicated"]["Replicas"] = 0

    world.swarm.edit("web", change)


def replicas(world: World) -> int:
    found = world.swarm.service("web")
    assert found is not None
    return int(found.spec["Mode"]["Replicated"]["Replicas"])


def test_what_another_object_has_stopped_stays_so_and_that_is_told() -> None:
    world = World()
    stopped(world)

    found = world.loop.run()

    assert replicas(world) == 0
    assert world.converged == ("False", "Held")
    assert "Certificate/app works on it" in found.progress


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: world.loop.ask("restart", run="1"),
        lambda world: world.loop.ask("rollback-service", run="1"),
        lambda world: world.loop.ask("scale", replicas="3"),
    ],
    ids=["restart", "rollback", "scale"],
)
def test_no_runbook_touches_it_either(ask: Callable[[World], str]) -> None:
    world = World()
    stopped(world)

    with pytest.raises(Wait) as refused:
        ask(world)

    assert refused.value.reason == "Held"
    assert refused.value.after == timedelta(minutes=5)


def test_a_hold_lapses() -> None:
    world = World()
    stopped(world)
    world.clock.advance(seconds=301)

    world.loop.run()

    assert replicas(world) == 3


def test_what_is_held_is_not_remembered_as_good() -> None:
    world = World(replicas=None)
    before = world.loop.memory
    stopped(world)

    world.loop.run()

    assert world.loop.memory == before
