"""Killed with -9 between any two steps of a pass, the operator neither repeats nor loses an action."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.harness import Harness

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "crashing_pass.py"
STEPS = ["planned", "intended", "acted", "closed", "concluded"]
pytestmark = pytest.mark.chaos


def one_pass(folder: Path, die_at: str = "") -> int:
    command = [sys.executable, str(SCRIPT), str(folder), "3", die_at]
    return subprocess.run(command, check=False, timeout=60).returncode


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_world_converges_with_one_write_and_one_record(
    tmp_path: Path, step: str
) -> None:
    (tmp_path / "world").write_text("5")

    assert one_pass(tmp_path, die_at=step) == -signal.SIGKILL
    assert one_pass(tmp_path) == 0
    assert one_pass(tmp_path) == 0

    engine = Harness(tmp_path / "state.db")
    records = engine.records()
    outcomes = [r for r in records if r.entry in {"Succeeded", "Applied", "Failed", "Superseded"}]
    assert (tmp_path / "world").read_text() == "3"
    assert (tmp_path / "writes").read_text() == "3\n"
    assert len({record.action for record in records}) == 1
    assert [record.entry for record in outcomes] == ["Succeeded"]
    assert engine.trail.verify() is None


def test_killed_again_and_again_it_still_converges(tmp_path: Path) -> None:
    (tmp_path / "world").write_text("5")

    for step in STEPS:
        one_pass(tmp_path, die_at=step)
    assert one_pass(tmp_path) == 0

    engine = Harness(tmp_path / "state.db")
    assert (tmp_path / "writes").read_text() == "3\n"
    assert len({record.action for record in engine.records()}) == 1
