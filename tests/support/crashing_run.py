"""Passes over a RunbookRun and its gauge, in a process that may be killed at a checkpoint.

python crashing_run.py FOLDER [CHECKPOINT]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from desired_state.objects import ObjectRef
from support.crashing_pass import FileGauges
from support.harness import Harness

GAUGE = ObjectRef("Gauge", "a")
RUN = ObjectRef("RunbookRun", "run")


def main(folder: Path, die_at: str) -> None:
    """A few passes over each, after a restart on the same data."""

    def checkpoint(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = Harness(folder / "state.db", checkpoint, FileGauges(folder))
    if engine.objects.get(GAUGE) is None:
        engine.declare(value=3)
        engine.ask("reset", GAUGE)
    for _ in range(3):
        engine.run(RUN)
        engine.run(GAUGE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
