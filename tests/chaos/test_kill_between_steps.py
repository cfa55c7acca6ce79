"""Killed with -9 anywhere in a plan of several steps, the operator does the rest, each step once, in order.

The object may take no more actions than the plan has steps: what is taken up again is not counted twice.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import postgres
from support.harness import Harness
from support.ladder import LadderReconciler

from swarmkeeper.store.opening import Place

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "crashing_ladder.py"
STEPS = [
    ("planned", 1),
    *((name, number) for number in (1, 2, 3) for name in ("intended", "acted")),
    *(("finished", number) for number in (1, 2, 3)),
    ("closed", 1),
    ("concluded", 1),
]
pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store."""
    if request.param == "sqlite":
        return Place(tmp_path)
    return Place(tmp_path, request.getfixturevalue("server").new_database().url)


def one_pass(place: Place, *die_at: str) -> int:
    command = [sys.executable, str(SCRIPT), str(place.data_dir), place.url, *die_at]
    return subprocess.run(command, check=False, timeout=120).returncode


@pytest.mark.parametrize(("step", "number"), STEPS)
def test_each_step_is_taken_once_and_in_order(place: Place, step: str, number: int) -> None:
    assert one_pass(place, step, str(number)) == -signal.SIGKILL
    assert one_pass(place) == 0
    assert one_pass(place) == 0

    world = place.data_dir / "world"
    with closing(place.open()) as database:
        ladder = LadderReconciler(world)
        engine = Harness(reconcilers={"Ladder": ladder}, database=database)
        records = engine.records()
        assert engine.trail.verify() is None
    ends = [(r.step.target, r.entry) for r in records if r.entry not in {"Intended", "Resumed"}]
    assert world.read_text().split() == ["0", "1", "2"]
    assert len({record.action for record in records}) == 3
    assert sorted(ends) == [(f"rung/{n}", "Succeeded") for n in range(3)]


def test_killed_again_and_again_it_still_gets_there(place: Place) -> None:
    for step, number in STEPS:
        one_pass(place, step, str(number))
    assert one_pass(place) == 0

    assert (place.data_dir / "world").read_text().split() == ["0", "1", "2"]
