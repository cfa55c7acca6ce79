"""A RunbookRun is carried out once, behind the guard, and says how it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.errors import Retry
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.runtime.swarm import SwarmUnavailable


@pytest.fixture
def engine() -> Harness:
    return Harness()


def settled(engine: Harness) -> ObjectRef:
    ref = engine.declare(value=3)
    for _ in range(3):
        engine.run(ref)
    return ref


def turns(engine: Harness, *refs: ObjectRef, times: int = 2) -> None:
    """Passes over a run and its target, as the queue would do them."""
    for _ in range(times):
        for ref in refs:
            engine.run(ref)


def phase(engine: Harness, run: ObjectRef) -> tuple[str, str | None]:
    found = engine.condition(run, "Succeeded")
    return engine.status(run).get("phase", ""), found[1] if found else None


def test_a_run_is_done_once_and_says_so(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)

    turns(engine, run, target, times=3)

    assert engine.world.writes == [("a", 3), ("a", 3)]
    status = engine.status(run)
    assert status["phase"] == "Succeeded"
    assert status["message"] == "set to 3; value is 3"
    assert status["startedAt"] <= status["finishedAt"]
    assert engine.condition(run, "Succeeded") == ("True", "Succeeded")
    assert engine.condition(run, "Ready") == ("True", "Succeeded")
    record = engine.records()[-1]
    assert (record.step.runbook, record.entry) == ("reset", "Succeeded")
    assert record.step.reason == "asked for by RunbookRun/run"


def test_people_hear_how_a_run_goes_on(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)

    turns(engine, run, target)

    told = [
        (event["reason"], event["message"])
        for event in engine.objects.list("Event")
        if event["involvedObject"]["kind"] == "RunbookRun"
    ]
    assert sorted(told) == [
        ("Running", "runs reset on Gauge/a"),
        ("Succeeded", "set to 3; value is 3"),
        ("Waiting", "waits for a pass over Gauge/a"),
    ]


def test_a_changed_run_is_another_request(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("add", target, parameters={"by": "1"})
    turns(engine, run, target)

    engine.change(run, parameters={"by": "2"})
    turns(engine, run, target)

    assert [value for _, value in engine.world.writes] == [3, 4, 3, 5, 3]
    assert engine.status(run)["phase"] == "Succeeded"
    assert engine.status(run)["observedGeneration"] == 2


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"runbook": "explode"},
            "UnknownRunbook",
            "there is no runbook 'explode': there are set, reset, replace, clear, add",
        ),
        (
            {"target": {"kind": "Gouge", "name": "a"}},
            "UnknownKind",
            "spec.target.kind: no 'Gouge': there are Gauge",
        ),
        (
            {"parameters": {"to": "3"}},
            "InvalidParameter",
            "spec.parameters.to: add has none: it takes by, note",
        ),
        ({"parameters": {}}, "InvalidParameter", "spec.parameters.by: add needs it"),
        (
            {"runbook": "reset", "parameters": {"x": "1"}},
            "InvalidParameter",
            "spec.parameters.x: reset has none: it takes none",
        ),
    ],
)
def test_what_can_never_be_run_fails_at_once(
    engine: Harness, spec: dict[str, object], reason: str, message: str
) -> None:
    target = settled(engine)
    run = engine.ask("add", target, parameters={"by": "1"})
    engine.change(run, parameters=None)
    engine.change(run, **spec)

    turns(engine, run, target)

    assert phase(engine, run) == ("Failed", reason)
    assert engine.status(run)["message"] == message
    assert "startedAt" not in engine.status(run)
    assert engine.condition(target, "Ready") == ("True", "ReconciliationSucceeded")
    assert len(engine.world.writes) == 1


def test_a_step_that_its_kind_refuses_fails_the_run_and_not_the_object(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("add", target, parameters={"by": "-1"})

    turns(engine, run, target)

    assert phase(engine, run) == ("Failed", "Refused")
    assert engine.status(run)["message"] == "by: not a positive number"
    assert engine.condition(run, "Stalled") == ("True", "Refused")
    assert engine.condition(target, "Ready") == ("True", "ReconciliationSucceeded")


def test_a_run_waits_for_its_target_and_then_goes_on(engine: Harness) -> None:
    target = ObjectRef("Gauge", "a")
    run = engine.ask("reset", target)
    turns(engine, run, target)
    assert phase(engine, run) == ("Pending", "TargetNotFound")

    engine.declare(value=3)
    turns(engine, target)

    assert phase(engine, run) == ("Succeeded", "Succeeded")


def test_a_run_that_may_not_begin_in_time_has_failed(engine: Harness) -> None:
    run = engine.ask("reset", ObjectRef("Gauge", "a"), startingDeadline="30s")
    outcome = engine.run(run)
    assert outcome.after == timedelta(seconds=30)

    engine.clock.forward(seconds=30)
    engine.run(run)

    assert phase(engine, run) == ("Failed", "DeadlineExceeded")
    assert engine.status(run)["message"] == "it took too long: waits for Gauge/a"


def test_a_run_fails_when_its_target_goes_away_under_it(engine: Harness) -> None:
    target = settled(engine)
    engine.world.progress = "half done"
    run = engine.ask("reset", target)
    turns(engine, run, target)
    assert phase(engine, run) == ("Running", "Progressing")

    engine.objects.delete(target, actor="test")
    turns(engine, target, run)

    assert phase(engine, run) == ("Failed", "TargetDeleted")


def test_a_run_has_succeeded_only_when_its_target_is_well(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)
    engine.world.progress = "1 of 3"
    turns(engine, run, target)
    assert engine.status(run)["message"] == "1 of 3"

    engine.world.progress, engine.world.healthy = "", None
    turns(engine, target)
    assert phase(engine, run) == ("Running", "HealthCheckFailed")

    engine.world.unreadable = "timed out"
    turns(engine, target)
    assert phase(engine, run) == ("Running", "ObservationFailed")

    engine.world.unreadable, engine.world.healthy = "", True
    turns(engine, target)
    assert phase(engine, run) == ("Succeeded", "Succeeded")
    assert len(engine.world.writes) == 2


def test_a_step_that_was_taken_is_not_taken_again_for_a_spec_that_changes_meanwhile(
    engine: Harness,
) -> None:
    target = settled(engine)
    run = engine.ask("add", target, parameters={"by": "1"})
    engine.world.progress = "half done"
    turns(engine, run, target)

    engine.change(target, value=4)
    engine.world.progress = ""
    turns(engine, target)

    assert phase(engine, run) == ("Succeeded", "Succeeded")
    assert [r.step.runbook for r in engine.records() if r.entry == "Succeeded"].count("add") == 1


def test_a_run_whose_target_does_not_become_well_in_time_has_failed(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target, timeout="5m")
    engine.world.healthy = False
    turns(engine, run, target)
    assert engine.run(run).after == timedelta(minutes=5)

    engine.clock.forward(minutes=5)
    turns(engine, run)

    assert phase(engine, run) == ("Failed", "TimedOut")


def test_a_run_is_held_by_the_guard_and_its_target_is_kept_meanwhile(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("add", target, parameters={"by": "1"}, approval="Required")
    turns(engine, run, target)
    assert phase(engine, run) == ("Pending", "ApprovalRequired")
    pending = engine.status(run)["pendingApproval"]
    assert pending["actions"][0]["runbook"] == "add"
    assert "swarmkeeper approve RunbookRun/run" in engine.status(run)["message"]
    assert engine.condition(target, "Ready") == ("True", "ReconciliationSucceeded")

    engine.world.values["a"] = 7
    turns(engine, target)
    assert engine.world.values["a"] == 3

    note = {"metadata": {"annotations": {"swarmkeeper.dev/approve": pending["hash"]}}}
    engine.objects.patch(run, note, actor="ada")
    turns(engine, run, target)

    assert phase(engine, run) == ("Succeeded", "Succeeded")
    assert [r.entry for r in engine.records() if r.step.runbook == "add"] == [
        "Intended",
        "Approved",
        "Succeeded",
    ]


def test_an_approval_of_one_run_lets_no_other_through(engine: Harness) -> None:
    target = settled(engine)
    first = engine.ask("add", target, "one", parameters={"by": "1"}, approval="Required")
    turns(engine, first, target)
    hash_ = engine.status(first)["pendingApproval"]["hash"]
    engine.objects.delete(first, actor="test")
    second = engine.ask("add", target, "two", parameters={"by": "1"}, approval="Required")
    note = {"metadata": {"annotations": {"swarmkeeper.dev/approve": hash_}}}
    engine.objects.patch(second, note, actor="ada")

    turns(engine, first, second, target)

    assert phase(engine, second) == ("Pending", "ApprovalRequired")


def test_runs_for_one_object_go_one_after_the_other(engine: Harness) -> None:
    target = settled(engine)
    first = engine.ask("add", target, "one", parameters={"by": "1"})
    second = engine.ask("add", target, "two", parameters={"by": "2"})
    engine.world.progress = "half done"

    turns(engine, first, second, target)
    assert phase(engine, first)[0] == "Running"
    assert phase(engine, second)[0] == "Pending"

    engine.world.progress = ""
    turns(engine, target, times=3)
    assert phase(engine, first)[0] == phase(engine, second)[0] == "Succeeded"


def test_a_suspended_run_waits_and_a_suspended_target_is_left_alone(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target, suspend=True)
    turns(engine, run, target)
    assert phase(engine, run) == ("Pending", "Suspended")

    engine.change(target, suspend=True)
    engine.change(run, suspend=False)
    turns(engine, run, target)
    assert phase(engine, run) == ("Pending", "Suspended")
    assert "Gauge/a is left alone" in engine.status(run)["message"]

    engine.change(target, suspend=False)
    turns(engine, target)
    assert phase(engine, run) == ("Succeeded", "Succeeded")


def test_a_failed_step_is_tried_again(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)

    def busy() -> None:
        raise Retry("busy")

    engine.world.before_write = busy
    turns(engine, run, target)
    assert phase(engine, run) == ("Running", "ProgressingWithRetry")

    engine.world.before_write = lambda: None
    turns(engine, target)
    assert phase(engine, run) == ("Succeeded", "Succeeded")


def test_a_step_without_answer_is_resumed_as_the_same_action(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)

    def no_answer() -> None:
        raise SwarmUnavailable("timed out")

    engine.world.before_write = no_answer
    turns(engine, run, target, times=1)
    engine.world.before_write = lambda: None
    turns(engine, target)

    entries = [r.entry for r in engine.records() if r.step.runbook == "reset"]
    assert entries == ["Intended", "Resumed", "Succeeded"]
    assert phase(engine, run) == ("Succeeded", "Succeeded")


def test_what_could_not_be_read_is_not_acted_upon(engine: Harness) -> None:
    target = settled(engine)
    engine.world.unreadable = "timed out"
    run = engine.ask("reset", target)

    turns(engine, run, target)

    assert phase(engine, run) == ("Pending", "ObservationFailed")
    assert len(engine.world.writes) == 1


def test_a_run_that_has_ended_is_deleted_after_its_time(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target, ttlAfterFinished="1h")
    turns(engine, run, target)
    assert engine.run(run).after == timedelta(hours=1)

    engine.clock.forward(hours=1)
    engine.run(run)

    assert engine.objects.get(run) is None


def test_a_deleted_run_is_not_carried_out(engine: Harness) -> None:
    target = settled(engine)
    run = engine.ask("reset", target)
    engine.run(run)
    engine.objects.delete(run, actor="test")

    turns(engine, run, target)

    assert len(engine.world.writes) == 1


@pytest.mark.parametrize("field", [{"interval": "5s"}, {"mode": "Warn"}, {"healthyDelay": "1s"}])
def test_fields_that_mean_nothing_for_a_run_are_refused(
    engine: Harness, field: dict[str, str]
) -> None:
    with pytest.raises(ApiError, match="has no meaning for a run"):
        engine.ask("reset", ObjectRef("Gauge", "a"), **field)
