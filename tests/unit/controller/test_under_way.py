"""Steps that take longer than a pass: their intent stays open, and its outcome is the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.errors import Retry, UnderWay


def goes_on() -> None:
    raise UnderWay("the number is on its way")


def fails() -> None:
    raise Retry("the number got lost", reason="Lost")


def done() -> None:
    """Nothing is in the way."""


@pytest.fixture
def engine(tmp_path: Path) -> Harness:
    engine = Harness(tmp_path / "state.db")
    engine.world.before_write = goes_on
    return engine


def entries(engine: Harness) -> list[str]:
    return [str(record.entry) for record in engine.records()]


def test_a_step_is_followed_until_it_has_ended(engine: Harness) -> None:
    ref = engine.declare(value=3)
    for _ in range(3):
        engine.run(ref)
    assert entries(engine) == ["Intended"]
    assert engine.condition(ref, "Ready") == ("Unknown", "Progressing")
    assert "failureCount" not in engine.status(ref)

    engine.world.before_write = done
    engine.run(ref)

    assert entries(engine) == ["Intended", "Succeeded"]
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")


def test_its_failure_counts_as_any_other(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.world.before_write = fails
    engine.run(ref)

    assert entries(engine) == ["Intended", "Failed"]
    assert engine.condition(ref, "Ready") == ("False", "Lost")
    assert engine.status(ref)["failureCount"] == 1


def test_what_is_not_planned_any_more_is_asked_how_it_ended(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.world.values["a"] = 3
    engine.world.before_write = done
    engine.run(ref)

    assert entries(engine) == ["Intended", "Succeeded"]
    assert not engine.records()[-1].outcome.startswith("interrupted")


def test_the_guard_is_not_asked_again(engine: Harness) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.change(ref, mode="Warn")
    engine.world.before_write = done
    engine.run(ref)

    assert entries(engine) == ["Intended", "Succeeded"]


def test_another_process_takes_it_up_again(engine: Harness, tmp_path: Path) -> None:
    ref = engine.declare(value=3)
    engine.run(ref)

    again = Harness(tmp_path / "state.db")
    again.run(ref)

    assert entries(again) == ["Intended", "Resumed", "Succeeded"]


def test_a_runbook_that_goes_on_says_so(engine: Harness) -> None:
    engine.world.before_write = done
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.world.before_write = goes_on
    run = engine.ask("reset", ref)
    for _ in range(2):
        engine.run(run)
        engine.run(ref)
    assert engine.status(run)["phase"] == "Running"
    assert engine.status(run)["message"] == "the number is on its way"

    engine.world.before_write = done
    engine.run(ref)
    engine.run(run)

    assert engine.status(run)["phase"] == "Succeeded"
    assert entries(engine)[2:] == ["Intended", "Succeeded"]


def test_a_runbook_that_a_crash_interrupted_goes_on_whoever_looks_first(
    engine: Harness, tmp_path: Path
) -> None:
    engine.world.before_write = done
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.world.before_write = goes_on
    run: ObjectRef = engine.ask("reset", ref)
    engine.run(run)
    engine.run(ref)

    again = Harness(tmp_path / "state.db")
    again.world.values["a"] = 3
    again.run(ref)  # before the pass over the run itself
    again.run(run)

    assert entries(again)[2:] == ["Intended", "Resumed", "Succeeded"]
    assert again.status(run)["phase"] == "Succeeded"
