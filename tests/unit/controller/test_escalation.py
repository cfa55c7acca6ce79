"""What stays unhealthy though nothing differs gets its declared steps, one after the other, each once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.runtime.runbook import Parameter, Runbook

STEPS: list[dict[str, Any]] = [
    {"runbook": "reset", "after": "1m"},
    {"runbook": "add", "after": "2m", "parameters": {"by": "0"}},
]


@pytest.fixture
def engine() -> Harness:
    return awake()


def awake(*place: Any, **world: Any) -> Harness:
    """An engine whose gauge's health is no part of what is observed, so that each look must judge."""
    engine = Harness(*place, **world)
    engine.deps.reconcilers["Gauge"].steady = False
    return engine


def sick(engine: Harness, **spec: Any) -> ObjectRef:
    """A gauge that is as declared, and has just become unhealthy."""
    ref = engine.declare(value=3, **spec)
    for _ in range(2):
        engine.run(ref)
    engine.clock.forward(minutes=5)
    engine.world.healthy = False
    engine.run(ref)
    return ref


def runbooks(engine: Harness) -> list[str]:
    return [record.step.runbook for record in engine.records() if record.entry == "Succeeded"]


def wait(engine: Harness, ref: ObjectRef, **length: float) -> None:
    engine.clock.forward(**length)
    engine.run(ref)


def test_a_step_is_taken_when_its_time_has_come(engine: Harness) -> None:
    ref = sick(engine, escalation=STEPS)
    assert runbooks(engine) == ["set"]

    wait(engine, ref, seconds=59)
    assert runbooks(engine) == ["set"]
    wait(engine, ref, seconds=1)

    assert runbooks(engine) == ["set", "reset"]
    record = engine.records()[-1]
    assert record.step.reason == "unhealthy since 2026-01-01T12:05:00Z: step 1 of spec.escalation"
    assert engine.status(ref)["escalation"] == {"taken": 0, "of": 2, "exhausted": False}


def test_the_next_look_is_at_the_time_of_the_next_step(engine: Harness) -> None:
    ref = sick(engine, interval="1h", escalation=STEPS)

    assert engine.run(ref).after == timedelta(minutes=1)


def test_the_next_step_follows_when_the_last_has_not_helped_and_then_people_hear(
    engine: Harness,
) -> None:
    ref = sick(engine, escalation=STEPS)
    wait(engine, ref, minutes=1)
    wait(engine, ref, minutes=1)
    assert runbooks(engine) == ["set", "reset"]

    wait(engine, ref, minutes=1)
    assert runbooks(engine) == ["set", "reset", "add"]
    wait(engine, ref, minutes=9)
    wait(engine, ref, minutes=9)

    assert runbooks(engine) == ["set", "reset", "add"]
    assert engine.status(ref)["escalation"] == {"taken": 2, "of": 2, "exhausted": True}
    assert [reason for _, reason, _ in engine.events()].count("EscalationExhausted") == 1


def test_what_has_become_well_begins_anew_the_next_time(engine: Harness) -> None:
    ref = sick(engine, escalation=STEPS)
    wait(engine, ref, minutes=1)
    engine.world.healthy = True
    wait(engine, ref, minutes=1)
    assert "unhealthySince" not in engine.status(ref)
    assert "escalation" not in engine.status(ref)

    engine.world.healthy = False
    wait(engine, ref, minutes=1)
    wait(engine, ref, minutes=1)

    assert runbooks(engine) == ["set", "reset", "reset"]


def test_drift_is_corrected_before_anything_is_tried(engine: Harness) -> None:
    ref = sick(engine, escalation=STEPS)
    engine.world.values["a"] = 9

    wait(engine, ref, minutes=2)

    assert runbooks(engine) == ["set", "set"]


def test_what_is_under_way_or_unknown_is_waited_for(engine: Harness) -> None:
    ref = sick(engine, escalation=STEPS)
    engine.world.progress = "half done"
    wait(engine, ref, minutes=2)
    engine.world.progress, engine.world.healthy = "", None
    wait(engine, ref, minutes=2)
    engine.world.unreadable = "timed out"
    wait(engine, ref, minutes=2)

    assert runbooks(engine) == ["set"]
    assert engine.status(ref)["unhealthySince"] == "2026-01-01T12:05:00Z"


def test_the_guard_is_asked_about_a_step_as_about_any_action(engine: Harness) -> None:
    engine.world.risk = Risk.LOW
    ref = sick(engine, approval="Required", escalation=[{**STEPS[1], "after": "1m"}])

    wait(engine, ref, minutes=1)

    assert engine.condition(ref, "Ready") == ("False", "ApprovalRequired")
    assert engine.status(ref)["sync"] == "Synced"
    assert runbooks(engine) == ["set"]


def test_a_restart_of_the_operator_forgets_nothing(engine: Harness, tmp_path: Any) -> None:
    first = awake(tmp_path / "state.db")
    ref = sick(first, escalation=STEPS)
    wait(first, ref, minutes=1)

    second = awake(tmp_path / "state.db", world=first.world, clock=first.clock)
    wait(second, ref, minutes=1)
    assert runbooks(second) == ["set", "reset"]
    wait(second, ref, minutes=1)
    assert runbooks(second) == ["set", "reset", "add"]


def test_the_last_action_is_reverted_where_bad_health_came_right_after_it(engine: Harness) -> None:
    toy = engine.deps.reconcilers["Gauge"]
    toy.runbooks = (
        Runbook("set", "Sets the number.", Risk.LOW, revert="undo"),
        Runbook("undo", "Goes back.", Risk.LOW, revert="set", parameters=(Parameter("x", "."),)),
    )
    ref = engine.declare(value=3, escalation=[{"revert": True, "after": "30s"}])
    engine.run(ref)
    engine.world.healthy = False
    wait(engine, ref, seconds=5)

    wait(engine, ref, seconds=30)

    assert runbooks(engine) == ["set", "undo"]


def test_without_a_recent_action_there_is_nothing_to_revert(engine: Harness) -> None:
    ref = sick(
        engine, escalation=[{"revert": True, "after": "30s"}, {"runbook": "reset", "after": "30s"}]
    )

    wait(engine, ref, seconds=30)

    assert runbooks(engine) == ["set", "reset"]


def test_a_runbook_that_the_kind_does_not_have_is_told_with_its_field(engine: Harness) -> None:
    ref = sick(engine, escalation=[{"runbook": "explode"}])

    condition = engine.condition(ref, "Stalled")

    assert condition == ("True", "UnknownRunbook")
    (message,) = {m for _, reason, m in engine.events() if reason == "UnknownRunbook"}
    assert message.startswith("spec.escalation[0].runbook: there is no runbook 'explode'")


@pytest.mark.parametrize("step", [{}, {"runbook": "reset", "revert": True}])
def test_a_step_is_either_a_runbook_or_a_revert(engine: Harness, step: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="give either a runbook or revert: true"):
        engine.declare(value=3, escalation=[step])
