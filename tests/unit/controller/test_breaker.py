"""The breaker: what does not help again and again is left alone, and tried again one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.controller.guard import Policy
from swarmkeeper.controller.passes import Passes
from swarmkeeper.store.audit import Record

MANY = {"maxActions": 1000}
COOLDOWN = timedelta(minutes=10)


@pytest.fixture
def engine() -> Harness:
    return Harness()


def refuse() -> None:
    raise RuntimeError("refused")


def fail(engine: Harness, ref: ObjectRef, times: int) -> None:
    engine.world.before_write = refuse
    for _ in range(times):
        engine.clock.forward(seconds=1)
        engine.run(ref)
    engine.world.before_write = lambda: None


def level(engine: Harness, ref: ObjectRef) -> float | None:
    labels = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return engine.deps.metrics.registry.get_sample_value("swarmkeeper_breaker_state", labels)


def state(engine: Harness, ref: ObjectRef) -> str | None:
    found: str | None = engine.status(ref).get("breaker", {}).get("state")
    return found


def begun(engine: Harness) -> int:
    return sum(record.entry == "Intended" for record in engine.records())


def test_after_five_failures_in_a_row_nothing_is_done_and_everyone_is_told(
    engine: Harness,
) -> None:
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)

    outcome = engine.run(ref)

    assert (begun(engine), engine.world.values) == (5, {})
    assert engine.condition(ref, "Ready") == ("False", "BreakerOpen")
    assert engine.status(ref)["breaker"] == {
        "state": "Open",
        "since": "2026-01-01T12:00:05Z",
        "failures": 5,
    }
    assert level(engine, ref) == 2
    assert [event for event in engine.events() if event[1] == "BreakerOpen"] != []
    assert outcome.after is not None
    assert outcome.after <= timedelta(seconds=30)


def test_half_open_it_lets_one_through_whose_success_closes_it(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)
    engine.clock.forward(minutes=10)

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert state(engine, ref) is None
    assert level(engine, ref) == 0
    assert [event for event in engine.events() if event[1] == "BreakerClosed"] != []


def test_half_open_a_failure_opens_it_for_another_cool_down(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)
    engine.clock.forward(minutes=10)
    fail(engine, ref, 1)
    assert state(engine, ref) == "Open"
    engine.clock.forward(minutes=9)

    engine.run(ref)

    assert begun(engine) == 6
    engine.clock.forward(minutes=1)
    engine.run(ref)
    assert engine.world.values == {"a": 3}


def test_half_open_only_the_first_of_several_actions_is_taken(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)
    engine.clock.forward(minutes=10)
    engine.world.stubborn = True
    notes = {"annotations": {"swarmkeeper.dev/run": "reset:1"}}
    engine.objects.patch(ref, {"metadata": notes}, actor="test")

    engine.run(ref)

    assert [record.step.runbook for record in engine.records()[-2:]] == ["reset", "reset"]
    assert len(engine.world.writes) == 1
    assert engine.condition(ref, "Ready") == ("False", "BreakerOpen")


def test_it_survives_a_restart(tmp_path: Path) -> None:
    engine = Harness(tmp_path / "state.db")
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)

    again = Harness(tmp_path / "state.db", clock=engine.clock)
    again.run(ref)

    assert again.world.writes == []
    assert (state(again, ref), level(again, ref)) == ("Open", 2)


def test_a_changed_spec_closes_it(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    fail(engine, ref, 5)
    engine.change(ref, value=4)

    engine.run(ref)

    assert engine.world.values == {"a": 4}
    assert state(engine, ref) is None


def test_what_the_world_takes_and_does_not_show_counts(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    engine.world.stubborn = True
    for _ in range(8):
        engine.run(ref)

    assert len(engine.world.writes) == 5
    assert state(engine, ref) == "Open"


@pytest.mark.parametrize(
    ("delay", "pause", "actions"),
    [
        pytest.param("10s", 2, 6, id="undone within the delay: it did not last"),
        pytest.param("10s", 20, 12, id="undone later: another drift"),
        pytest.param("0s", 2, 12, id="without a delay nothing is asked"),
    ],
)
def test_what_is_undone_again_soon_counts(
    engine: Harness, delay: str, pause: int, actions: int
) -> None:
    ref = engine.declare(value=3, limits=MANY, healthyDelay=delay)
    for number in range(12):
        engine.world.values["a"] = 100 + number
        engine.run(ref)
        engine.clock.forward(seconds=pause)

    assert begun(engine) in (actions, actions - 1)
    told = [event for event in engine.events() if event[1] == "DidNotLast"]
    assert bool(told) is (actions == 6)


def test_an_action_after_which_health_is_bad_counts_once(engine: Harness) -> None:
    ref = engine.declare(value=3, limits=MANY)
    outcome = engine.run(ref)
    assert outcome.after == timedelta(seconds=11), "it is looked at again when it must have lasted"
    engine.clock.forward(seconds=8)
    engine.world.healthy = False

    engine.run(ref)
    engine.run(ref)

    relapses = [record for record in engine.records() if record.entry == "Relapsed"]
    assert [record.outcome for record in relapses] == ["was followed by bad health"]
    assert ("Warning", "DidNotLast", "set gauge/a was followed by bad health") in engine.events()


def test_bad_health_long_after_an_action_is_not_its_fault(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.clock.forward(seconds=30)
    engine.world.healthy = False

    engine.run(ref)

    assert [record.entry for record in engine.records()] == ["Intended", "Succeeded"]


def test_an_object_at_rest_costs_no_look_into_the_trail(
    engine: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.clock.forward(minutes=1)

    def looked(*_: object) -> list[Record]:
        raise AssertionError("the trail was read")

    for look in ("history", "actions_since", "all_actions_since", "approvals_used", "begun"):
        monkeypatch.setattr(engine.trail, look, looked)
    engine.run(ref)
    engine.run(ref)

    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")


_MOVES = st.tuples(
    st.sampled_from(["works", "refuses", "stubborn"]),
    st.sampled_from(["", "drift", "by hand", "both"]),
    st.sampled_from([1, 5, 60, 400, 700]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.lists(_MOVES, max_size=25))
def test_open_it_lets_nothing_through_and_half_open_never_two(
    most: int, moves: list[tuple[str, str, int]]
) -> None:
    engine = Harness()
    policy = Policy(breaker_failures=most, breaker_cooldown=COOLDOWN)
    engine.passes = Passes(replace(engine.deps, policy=policy))
    ref = engine.declare(value=3, limits=MANY)
    for number, (world, trouble, pause) in enumerate(moves):
        engine.clock.forward(seconds=pause)
        engine.world.stubborn = world == "stubborn"
        engine.world.before_write = refuse if world == "refuses" else lambda: None
        if trouble in ("drift", "both"):
            engine.world.values["a"] = 100 + number
        if trouble in ("by hand", "both"):
            notes = {"annotations": {"swarmkeeper.dev/run": f"reset:{number}"}}
            engine.objects.patch(ref, {"metadata": notes}, actor="test")
        engine.run(ref)

    check(engine.records(), most)


def check(records: list[Record], most: int) -> None:
    """Goes through a history in the trail's own order, with a model of its own."""
    useless: list[tuple[str, datetime]] = []  # actions in a row
    under_way: set[str] = set()
    for record in records:
        at = datetime.fromisoformat(record.at)
        if record.entry == "Intended":
            if len(useless) >= most:
                assert at >= max(when for _, when in useless) + COOLDOWN
                assert not under_way
            under_way.add(record.action)
            last = record.action
        elif record.entry == "Succeeded":
            under_way.discard(record.action)
            before, useless = useless, []
        elif record.entry in ("Failed", "Applied"):
            under_way.discard(record.action)
            useless.append((record.action, at))
        elif record.entry == "Relapsed" and record.action == last:
            useless = [*before, (record.action, at)]
