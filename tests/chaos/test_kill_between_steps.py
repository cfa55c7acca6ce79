"""Killed with -9 anywhere in a plan of several steps, the operator does the rest, each step once, in order.

The object may take no more actions than the plan has steps: what is taken up again is not counted twice.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.harness import Harness
from support.ladder import LadderReconciler

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "crashing_ladder.py"
STEPS = [
    ("planned", 1),
    *((name, number) for number in (1, 2, 3) for name in ("intended", "acted")),
    *(("finished", number) for number in (1, 2, 3)),
    ("closed", 1),
    ("concluded", 1),
]
pytestmark = pytest.mark.chaos


def one_pass(folder: Path, *die_at: str) -> int:
    command = [sys.executable, str(SCRIPT), str(folder), *die_at]
    return subprocess.run(command, check=False, timeout=60).returncode


@pytest.mark.parametrize(("step", "number"), STEPS)
def test_each_step_is_taken_once_and_in_order(tmp_path: Path, step: str, number: int) -> None:
    assert one_pass(tmp_path, step, str(number)) == -signal.SIGKILL
    assert one_pass(tmp_path) == 0
    assert one_pass(tmp_path) == 0

    engine = Harness(
        tmp_path / "state.db", reconcilers={"Ladder": LadderReconciler(tmp_path / "world")}
    )
    records = engine.records()
    ends = [(r.step.target, r.entry) for r in records if r.entry not in {"Intended", "Resumed"}]
    assert (tmp_path / "world").read_text().split() == ["0", "1", "2"]
    assert len({record.action for record in records}) == 3
    assert sorted(ends) == [(f"rung/{n}", "Succeeded") for n in range(3)]
    assert engine.trail.verify() is None


def test_killed_again_and_again_it_still_gets_there(tmp_path: Path) -> None:
    for step, number in STEPS:
        one_pass(tmp_path, step, str(number))
    assert one_pass(tmp_path) == 0

    assert (tmp_path / "world").read_text().split() == ["0", "1", "2"]
