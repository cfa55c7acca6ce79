"""A runbook that is asked for by annotation is done once, by the same guard and trail as any step."""

from __future__ import annotations

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.swarm import SwarmUnavailable


@pytest.fixture
def engine() -> Harness:
    return Harness()


def ask(engine: Harness, ref: ObjectRef, value: str) -> None:
    patch = {"metadata": {"annotations": {"swarmkeeper.dev/run": value}}}
    engine.objects.patch(ref, patch, actor="ada")


def settled(engine: Harness) -> ObjectRef:
    ref = engine.declare(value=3)
    for _ in range(3):
        engine.run(ref)
    return ref


def test_a_request_is_done_once_and_acknowledged(engine: Harness) -> None:
    ref = settled(engine)
    ask(engine, ref, "reset:1")

    engine.run(ref)
    engine.run(ref)

    assert engine.world.writes == [("a", 3), ("a", 3)]
    assert engine.status(ref)["lastHandledRun"] == "reset:1"
    record = engine.records()[-1]
    assert (record.step.runbook, record.entry) == ("reset", "Succeeded")
    assert record.step.reason == "asked for by the annotation swarmkeeper.dev/run=reset:1"


def test_another_request_is_done_again(engine: Harness) -> None:
    ref = settled(engine)
    for value in ("reset:1", "reset:2"):
        ask(engine, ref, value)
        engine.run(ref)

    assert len(engine.world.writes) == 3


def test_an_unknown_runbook_is_refused_with_the_names_of_those_that_exist(engine: Harness) -> None:
    ref = settled(engine)
    ask(engine, ref, "explode")

    engine.run(ref)

    assert (
        "Warning",
        "RunbookRefused",
        "there is no runbook 'explode': there are set, reset, replace, clear, add",
    ) in engine.events()
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert engine.status(ref)["lastHandledRun"] == "explode"


def test_a_request_is_held_by_the_guard_until_it_may_be_done(engine: Harness) -> None:
    ref = settled(engine)
    engine.change(ref, mode="Warn")
    ask(engine, ref, "reset:1")
    engine.run(ref)
    assert "lastHandledRun" not in engine.status(ref)

    engine.change(ref, mode="Enforce")
    engine.run(ref)

    assert engine.status(ref)["lastHandledRun"] == "reset:1"


def test_a_request_without_answer_is_resumed_as_the_same_action(engine: Harness) -> None:
    ref = settled(engine)
    ask(engine, ref, "reset:1")

    def no_answer() -> None:
        raise SwarmUnavailable("timed out")

    engine.world.before_write = no_answer
    engine.run(ref)
    engine.world.before_write = lambda: None
    engine.run(ref)

    entries = [r.entry for r in engine.records() if r.step.runbook == "reset"]
    assert entries == ["Intended", "Resumed", "Succeeded"]
