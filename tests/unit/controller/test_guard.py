"""The guard: what may not be done now is held, with a reason that people understand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness


@pytest.fixture
def engine() -> Harness:
    return Harness()


def test_a_suspended_object_is_left_alone_and_not_called_green(engine: Harness) -> None:
    ref = engine.declare(value=3, suspend=True)

    engine.run(ref)

    assert engine.world.writes == []
    assert engine.condition(ref, "Suspended") == ("True", "Suspended")
    assert engine.condition(ref, "Ready") == ("Unknown", "Suspended")
    engine.change(ref, suspend=False)
    engine.run(ref)
    assert engine.condition(ref, "Suspended") is None
    assert engine.world.values == {"a": 3}


def test_mode_warn_reports_the_drift_once_and_changes_nothing(engine: Harness) -> None:
    ref = engine.declare(value=3, mode="Warn")

    engine.run(ref)
    engine.run(ref)

    assert engine.world.writes == []
    assert engine.condition(ref, "Ready") == ("False", "DriftDetected")
    assert engine.status(ref)["sync"] == "OutOfSync"
    assert len([event for event in engine.events() if event[1] == "DriftDetected"]) == 1


def test_mode_off_does_not_even_look(engine: Harness) -> None:
    engine.world.unreadable = "would be noticed"
    ref = engine.declare(value=3, mode="Off")

    engine.run(ref)

    assert engine.condition(ref, "Ready") == ("Unknown", "ModeOff")


def test_an_object_waits_until_what_it_depends_on_is_ready(engine: Harness) -> None:
    first = engine.declare("first", value=1)
    depends = [{"kind": "Gauge", "name": "first"}]
    second = engine.declare("second", value=2, dependsOn=depends)

    engine.run(second)
    assert engine.world.writes == []
    assert engine.condition(second, "Ready") == ("False", "DependencyNotReady")

    engine.run(first)
    engine.run(second)
    assert engine.world.values == {"first": 1, "second": 2}


def test_a_dependency_that_changed_and_was_not_looked_at_is_not_ready(engine: Harness) -> None:
    first = engine.declare("first", value=1)
    depends = [{"kind": "Gauge", "name": "first"}]
    second = engine.declare("second", value=2, dependsOn=depends)
    engine.run(first)
    engine.change(first, value=10)

    engine.run(second)

    assert "second" not in engine.world.values


def test_what_depends_on_an_object_hears_when_it_becomes_ready(engine: Harness) -> None:
    depends = [{"kind": "Gauge", "name": "first"}]
    second = engine.declare("second", value=2, dependsOn=depends)

    engine.run(second)

    assert engine.deps.signals.listeners(["ready/Gauge/default/first"]) == {second}


def test_the_budget_is_kept_across_a_restart_and_renews_with_time(engine: Harness) -> None:
    ref = engine.declare(value=3, limits={"maxActions": 2, "per": "10m"})
    for _ in range(3):
        engine.world.values["a"] = 99
        engine.run(ref)

    assert len(engine.world.writes) == 2
    assert engine.condition(ref, "Ready") == ("False", "LimitReached")
    engine.clock.forward(minutes=11)
    engine.run(ref)
    assert engine.world.values == {"a": 3}


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.lists(st.integers(0, 400), min_size=1, max_size=25))
def test_there_are_never_more_actions_than_the_budget(most: int, pauses: list[int]) -> None:
    engine = Harness()
    ref = engine.declare(value=3, limits={"maxActions": most, "per": "10m"})
    begun = []
    for pause in pauses:
        engine.clock.forward(seconds=pause)
        engine.world.values["a"] = 99
        writes = len(engine.world.writes)
        engine.run(ref)
        begun.extend([engine.clock.time] * (len(engine.world.writes) - writes))

    period = timedelta(minutes=10)
    for start in begun:
        assert len([time for time in begun if start <= time < start + period]) <= most
