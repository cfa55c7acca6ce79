"""The guard's windows: nothing is done outside of them, and the pass comes back when they open."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness

from desired_state.windows import Window, allowed

NIGHT = {"kind": "allow", "schedule": "0 22 * * *", "duration": "2h"}


def test_an_action_waits_for_its_window_and_is_taken_when_that_opens() -> None:
    engine = Harness()
    ref = engine.declare(value=3, windows=[NIGHT], interval="24h")

    outcome = engine.run(ref)

    assert engine.world.writes == []
    assert engine.condition(ref, "Ready") == ("False", "OutsideWindow")
    assert outcome.after == timedelta(hours=10)
    engine.clock.forward(hours=10)
    engine.run(ref)
    assert engine.world.values == {"a": 3}


def test_a_runbook_by_hand_passes_a_window_that_says_manual_and_the_loop_does_not() -> None:
    engine = Harness()
    request = {"swarmkeeper.dev/run": "reset:1"}
    engine.world.values.update(a=9, b=9)
    manual = engine.declare("a", value=3, windows=[{**NIGHT, "manual": True}], annotations=request)
    strict = engine.declare("b", value=3, windows=[NIGHT], annotations=request)

    engine.run(manual)
    engine.run(strict)

    assert engine.world.values == {"a": 3, "b": 9}


def test_what_is_urgent_waits_for_no_window() -> None:
    engine = Harness()
    engine.world.urgent = True
    ref = engine.declare(value=3, windows=[NIGHT])

    engine.run(ref)

    assert engine.world.values == {"a": 3}


def test_an_object_that_is_deleted_in_a_freeze_is_kept_until_it_is_over() -> None:
    engine = Harness()
    freeze = {"kind": "deny", "schedule": "0 13 * * *", "duration": "1h"}
    ref = engine.declare(value=3, windows=[freeze])
    engine.run(ref)
    engine.objects.patch(
        ref, {"metadata": {"finalizers": ["swarmkeeper.dev/finalizer"]}}, actor="t"
    )
    engine.objects.delete(ref, actor="test")
    engine.clock.forward(hours=1)

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    engine.clock.forward(hours=1)
    engine.run(ref)
    assert engine.world.values == {}


_windows = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["allow", "deny"]),
            "schedule": st.sampled_from(["0 13 * * *", "*/15 * * * *", "30 12 * * 4"]),
            "duration": st.sampled_from(["5m", "40m", "3h"]),
        }
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(_windows, st.lists(st.integers(1, 2000), min_size=1, max_size=15))
def test_no_action_is_ever_taken_in_a_denied_window_or_outside_what_allows(
    windows: list[dict[str, str]], pauses: list[int]
) -> None:
    engine = Harness()
    ref = engine.declare(value=3, windows=windows, limits={"maxActions": 1000})
    declared = [Window.model_validate(window) for window in windows]
    for pause in pauses:
        engine.clock.forward(seconds=pause)
        engine.world.values["a"] = 99
        engine.run(ref)

    begun = [record.at for record in engine.records() if record.entry == "Intended"]
    assert all(allowed(declared, datetime.fromisoformat(at)) for at in begun)
