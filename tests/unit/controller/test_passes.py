"""A pass: what is seen decides what is done, what is done is verified, and all of it is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.harness import Harness

from swarmkeeper.controller.outcome import Result
from swarmkeeper.runtime.errors import Stalled, Wait
from swarmkeeper.runtime.swarm import Refused, SwarmUnavailable


@pytest.fixture
def engine() -> Harness:
    return Harness()


def test_drift_is_corrected_verified_and_recorded(engine: Harness) -> None:
    engine.world.values["a"] = 5
    ref = engine.declare(value=3)

    outcome = engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert outcome.result is Result.SUCCESS
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert [(r.entry, r.step.before, r.step.after, r.verification) for r in engine.records()] == [
        ("Intended", {"spec.value": 5}, {"spec.value": 3}, ""),
        ("Succeeded", {"spec.value": 5}, {"spec.value": 3}, "in sync"),
    ]
    assert engine.status(ref)["lastOperation"]["phase"] == "Succeeded"


def test_the_event_says_want_and_got(engine: Harness) -> None:
    engine.world.values["a"] = 5
    engine.run(engine.declare(value=3))

    (corrected,) = [e for e in engine.events() if e[1] == "SetApplied"]

    assert corrected[2].startswith("spec.value: want 3, got 5: set to 3 (in ")


def test_a_pass_over_an_unchanged_world_writes_nothing(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    before = engine.stored(ref)
    events = engine.events()

    engine.clock.forward(minutes=7)
    engine.run(ref)

    assert engine.stored(ref) == before
    assert engine.events() == events
    assert len(engine.records()) == 2


def test_an_unchanged_object_in_an_unchanged_world_is_not_judged_again(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.run(ref)
    judged = engine.world.judged

    engine.run(ref)
    assert engine.world.judged == judged

    engine.world.healthy = False
    engine.world.values["a"] = 4
    engine.run(ref)
    engine.run(ref)
    assert engine.condition(ref, "Ready") == ("False", "HealthCheckFailed")


def test_what_cannot_be_read_is_unknown_and_never_acted_upon(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.world.unreadable = "engine does not answer"
    engine.world.values["a"] = 9
    writes = len(engine.world.writes)

    outcome = engine.run(ref)

    assert len(engine.world.writes) == writes
    assert engine.condition(ref, "Ready") == ("Unknown", "ObservationFailed")
    assert engine.condition(ref, "Accurate") == ("Unknown", "Unreadable")
    assert engine.status(ref)["sync"] == "Unknown"
    assert outcome.after is not None
    assert outcome.after < timedelta(seconds=2)


def test_failures_back_off_and_are_counted_until_one_pass_succeeds(engine: Harness) -> None:
    ref = engine.declare(value=3, interval="1h")
    engine.world.unreadable = "down"
    waits = [engine.run(ref).after or timedelta(0) for _ in range(4)]

    assert engine.status(ref)["failureCount"] == 4
    assert waits[3] > 3 * waits[0]
    engine.world.unreadable = ""
    engine.run(ref)
    assert "failureCount" not in engine.status(ref)


def test_a_refusal_is_on_record_and_tried_again_later(engine: Harness) -> None:
    def refuse() -> None:
        raise Refused("no such image")

    engine.world.before_write = refuse
    ref = engine.declare(value=3)

    outcome = engine.run(ref)

    assert outcome.result is Result.ERROR
    assert engine.condition(ref, "Ready") == ("False", "EngineRefused")
    assert [r.entry for r in engine.records()] == ["Intended", "Failed"]
    assert engine.trail.unfinished(engine.stored(ref)["metadata"]["uid"]) == []


def test_a_step_without_answer_stays_open_and_is_closed_by_what_is_seen(engine: Harness) -> None:
    ref = engine.declare(value=3)

    def lost_answer() -> None:
        engine.world.values["a"] = 3
        raise SwarmUnavailable("timed out")

    engine.world.before_write = lost_answer
    engine.run(ref)
    engine.world.before_write = lambda: None

    engine.run(ref)

    assert engine.world.writes == []
    assert [r.entry for r in engine.records()] == ["Intended", "Succeeded"]
    assert len({r.action for r in engine.records()}) == 1


def test_a_step_without_answer_that_did_not_happen_is_resumed_as_the_same_action(
    engine: Harness,
) -> None:
    ref = engine.declare(value=3)

    def no_answer() -> None:
        raise SwarmUnavailable("timed out")

    engine.world.before_write = no_answer
    engine.run(ref)
    engine.world.before_write = lambda: None

    engine.run(ref)

    assert engine.world.writes == [("a", 3)]
    assert [r.entry for r in engine.records()] == ["Intended", "Resumed", "Succeeded"]
    assert len({r.action for r in engine.records()}) == 1


def test_an_accepted_step_that_changes_nothing_is_not_called_a_success(engine: Harness) -> None:
    engine.world.stubborn = True
    ref = engine.declare(value=3)

    engine.run(ref)

    assert engine.records()[-1].entry == "Applied"
    assert engine.condition(ref, "Ready") == ("Unknown", "Progressing")
    assert engine.status(ref)["drift"][0]["path"] == "spec.value"


@pytest.mark.parametrize(
    ("error", "ready", "stalled"),
    [
        (Stalled("ask a human", reason="Broken"), ("False", "Broken"), ("True", "Broken")),
        (Wait("not yet", after=timedelta(seconds=9)), ("False", "Waiting"), None),
    ],
    ids=["stalled", "wait"],
)
def test_errors_say_what_comes_next(
    engine: Harness,
    error: Exception,
    ready: tuple[str, str],
    stalled: tuple[str, str] | None,
) -> None:
    def fail() -> None:
        raise error

    engine.world.before_write = fail
    ref = engine.declare(value=3)

    engine.run(ref)

    assert engine.condition(ref, "Ready") == ready
    assert engine.condition(ref, "Stalled") == stalled


def test_an_unexpected_exception_is_a_retry_and_counted(engine: Harness) -> None:
    def bug() -> None:
        raise ZeroDivisionError("oops")

    engine.world.before_write = bug
    ref = engine.declare(value=3)

    assert engine.run(ref).result is Result.ERROR
    assert engine.condition(ref, "Ready") == ("False", "InternalError")
    assert b'reconcile_panics_total{controller="Gauge"} 1.0' in engine.deps.metrics.render()


def test_a_pass_that_took_too_long_begins_no_action(engine: Harness) -> None:
    ref = engine.declare(value=3, timeout="0")

    engine.run(ref)

    assert engine.world.writes == []
    assert engine.records() == []
    assert engine.condition(ref, "Ready") == ("False", "Timeout")


def test_a_refused_declaration_stalls_while_the_last_good_one_is_kept(engine: Harness) -> None:
    refused = {"swarmkeeper.dev/refused": "a.yaml:3: bad"}
    ref = engine.declare(value=3, annotations=refused)

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert engine.condition(ref, "Stalled") == ("True", "InvalidDeclaration")
    assert ("Warning", "InvalidDeclaration", "a.yaml:3: bad") in engine.events()


def test_something_under_way_is_looked_at_again_soon(engine: Harness) -> None:
    ref = engine.declare(value=3, interval="1h")
    engine.world.progress = "1/3 running"

    outcome = engine.run(ref)

    assert outcome.after == timedelta(seconds=1)
    assert engine.condition(ref, "Ready") == ("Unknown", "Progressing")
    assert engine.condition(ref, "Reconciling") == ("True", "Progressing")


def test_a_doubt_is_looked_at_again_soon_without_calling_it_progress(engine: Harness) -> None:
    ref = engine.declare(value=3, interval="1h")
    engine.world.recheck = timedelta(seconds=2)

    outcome = engine.run(ref)

    assert outcome.after == timedelta(seconds=2)
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")


def test_what_waits_for_a_human_is_looked_at_every_interval(engine: Harness) -> None:
    ref = engine.declare(value=3, interval="1h")
    engine.world.blocked = ("Foreign", "belongs to someone else")

    outcome = engine.run(ref)

    assert outcome.after is not None
    assert outcome.after > timedelta(minutes=50)
    assert engine.condition(ref, "Stalled") == ("True", "Foreign")


def test_the_request_for_a_look_is_acknowledged(engine: Harness) -> None:
    ref = engine.declare(value=3, annotations={"swarmkeeper.dev/requested-at": "now!"})

    engine.run(ref)

    assert engine.status(ref)["lastHandledReconcileAt"] == "now!"


def test_transition_times_change_only_with_the_status(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    first = engine.status(ref)["conditions"][0]["lastTransitionTime"]
    engine.clock.forward(minutes=1)
    engine.change(ref, value=4)
    engine.run(ref)

    again = engine.status(ref)["conditions"][0]

    assert again["lastTransitionTime"] == first
    assert again["observedGeneration"] == 2


def test_a_deleted_object_is_undone_before_it_goes(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.objects.patch(
        ref, {"metadata": {"finalizers": ["swarmkeeper.dev/finalizer"]}}, actor="test"
    )
    engine.run(ref)
    engine.objects.delete(ref, actor="test")

    engine.run(ref)

    assert engine.world.values == {}
    assert engine.objects.get(ref) is None


def test_a_deleted_object_waits_while_the_world_cannot_be_read(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.objects.patch(
        ref, {"metadata": {"finalizers": ["swarmkeeper.dev/finalizer"]}}, actor="test"
    )
    engine.run(ref)
    engine.objects.delete(ref, actor="test")
    engine.world.unreadable = "down"

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert engine.objects.get(ref) is not None
