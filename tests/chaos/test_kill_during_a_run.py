"""Killed with -9 between any two steps of a runbook that was asked for, the operator does it once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "crashing_run.py"
STEPS = ["planned", "intended", "acted", "closed", "concluded"]
pytestmark = pytest.mark.chaos


def passes(folder: Path, die_at: str = "") -> int:
    command = [sys.executable, str(SCRIPT), str(folder), die_at]
    return subprocess.run(command, check=False, timeout=60).returncode


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_runbook_is_done_once_and_the_run_ends(
    tmp_path: Path, step: str
) -> None:
    (tmp_path / "world").write_text("3")

    assert passes(tmp_path, die_at=step) == -signal.SIGKILL
    assert passes(tmp_path) == 0

    engine = Harness(tmp_path / "state.db")
    assert engine.status(ObjectRef("RunbookRun", "run"))["phase"] == "Succeeded"
    assert (tmp_path / "writes").read_text() == "3\n"
    assert len({record.action for record in engine.records()}) == 1
    assert [r.entry for r in engine.records()][-1] == "Succeeded"
    assert engine.trail.verify() is None
