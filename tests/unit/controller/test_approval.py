"""Approval: a risky step is taken only with a yes to exactly the plan that was shown, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.controller.guard import Policy
from swarmkeeper.controller.passes import Passes
from swarmkeeper.runtime.plan import Risk


@pytest.fixture
def engine() -> Harness:
    engine = Harness()
    engine.world.risk = Risk.MEDIUM
    return engine


def pending(engine: Harness, ref: ObjectRef) -> str:
    return str(engine.status(ref).get("pendingApproval", {}).get("hash", ""))


def annotate(engine: Harness, ref: ObjectRef, **values: str) -> None:
    notes = {f"swarmkeeper.dev/{key.replace('_', '-')}": value for key, value in values.items()}
    engine.objects.patch(ref, {"metadata": {"annotations": notes}}, actor="test")


def test_a_risky_step_waits_and_shows_what_is_to_be_approved(engine: Harness) -> None:
    ref = engine.declare(value=3, approval="Required")
    engine.world.values["a"] = 9

    engine.run(ref)
    engine.run(ref)

    assert engine.world.writes == []
    assert engine.condition(ref, "ApprovalRequired") == ("True", "PlanPending")
    assert engine.condition(ref, "Ready") == ("False", "ApprovalRequired")
    [event] = [event for event in engine.events() if event[1] == "ApprovalRequired"]
    told = (
        f"plan {pending(engine, ref)} waits for approval: set gauge/a (MEDIUM): spec.value 9 → 3."
    )
    assert told in event[2]
    assert f"swarmkeeper.dev/approve={pending(engine, ref)}" in event[2]


def test_an_approval_lets_exactly_that_plan_through_and_stands_in_the_trail(
    engine: Harness,
) -> None:
    ref = engine.declare(value=3, approval="Required")
    engine.run(ref)
    annotate(engine, ref, approve=pending(engine, ref), approved_by="somebody else")

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert engine.condition(ref, "ApprovalRequired") is None
    assert pending(engine, ref) == ""
    entries = [(record.entry, record.outcome) for record in engine.records()]
    assert [entry for entry, _ in entries] == ["Intended", "Approved", "Succeeded"]
    assert entries[1][1].endswith("was approved by test")


def test_an_approval_is_used_up_even_where_the_same_plan_comes_again(engine: Harness) -> None:
    ref = engine.declare(value=3, approval="Required")
    engine.run(ref)
    annotate(engine, ref, approve=pending(engine, ref))
    engine.run(ref)
    del engine.world.values["a"]

    engine.run(ref)

    assert engine.world.values == {}
    annotate(engine, ref, approve=pending(engine, ref))
    engine.run(ref)
    assert engine.world.values == {"a": 3}


def test_an_approval_is_withdrawn_when_the_spec_or_the_plan_changes(engine: Harness) -> None:
    ref = engine.declare(value=3, approval="Required")
    engine.run(ref)
    first = pending(engine, ref)
    annotate(engine, ref, approve=first)
    engine.change(ref, interval="1m")

    engine.run(ref)

    second = pending(engine, ref)
    assert engine.world.writes == []
    assert second not in ("", first)
    annotate(engine, ref, approve=second)
    engine.world.values["a"] = 8
    engine.run(ref)
    assert engine.world.writes == []


def test_an_approval_outlives_a_step_that_failed(engine: Harness) -> None:
    def refuse() -> None:
        raise RuntimeError("not now")

    ref = engine.declare(value=3, approval="Required")
    engine.run(ref)
    annotate(engine, ref, approve=pending(engine, ref))
    engine.world.before_write = refuse
    engine.run(ref)
    engine.world.before_write = lambda: None

    engine.run(ref)

    assert engine.world.values == {"a": 3}


@pytest.mark.parametrize(
    ("declared", "level", "risk", "waits"),
    [
        ("Auto", None, Risk.HIGH, False),
        ("Required", None, Risk.LOW, False),
        ("Required", None, Risk.MEDIUM, True),
        ("Required", Risk.HIGH, Risk.MEDIUM, True),
        ("Auto", Risk.HIGH, Risk.MEDIUM, False),
        ("Auto", Risk.HIGH, Risk.HIGH, True),
        ("Required", Risk.LOW, Risk.LOW, True),
    ],
)
def test_the_stricter_of_object_and_operator_decides(
    engine: Harness, declared: str, level: Risk | None, risk: Risk, waits: bool
) -> None:
    engine.passes = Passes(replace(engine.deps, policy=Policy(approval_from=level)))
    engine.world.risk = risk
    ref = engine.declare(value=3, approval=declared)

    engine.run(ref)

    assert (engine.world.writes == []) is waits


def test_the_removal_of_what_a_deleted_object_kept_waits_too(engine: Harness) -> None:
    engine.world.values["a"] = 3
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.objects.patch(
        ref, {"metadata": {"finalizers": ["swarmkeeper.dev/finalizer"]}}, actor="t"
    )
    engine.passes = Passes(replace(engine.deps, policy=Policy(approval_from=Risk.LOW)))
    engine.objects.delete(ref, actor="test")

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    annotate(engine, ref, approve=pending(engine, ref))
    engine.run(ref)
    assert engine.world.values == {}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["drift", "approve", "old", "spec", "look"]), max_size=20))
def test_no_risky_step_is_ever_taken_without_a_yes_to_what_was_shown(moves: list[str]) -> None:
    engine = Harness()
    engine.world.risk = Risk.MEDIUM
    ref = engine.declare(value=0, approval="Required", limits={"maxActions": 1000})
    shown: list[str] = []
    given_: set[str] = set()
    for number, move in enumerate(moves):
        if move == "drift":
            engine.world.values["a"] = -number % 3
        if move == "spec":
            engine.change(ref, value=number)
        if move in ("approve", "old") and shown:
            chosen = shown[-1] if move == "approve" else shown[0]
            given_.add(chosen)
            annotate(engine, ref, approve=chosen)
        writes = len(engine.world.writes)
        engine.run(ref)
        if len(engine.world.writes) > writes:
            assert len(engine.world.writes) == writes + 1
            used = engine.stored(ref)["metadata"]["annotations"]["swarmkeeper.dev/approve"]
            assert used in given_, "each yes is to a plan that was shown, and good for one use"
            given_.discard(used)
            shown.clear()
        if now := pending(engine, ref):
            shown.append(now)
