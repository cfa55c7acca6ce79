"""One pass over a gauge that lies in a file, in a process that may be killed at a checkpoint.

python crashing_pass.py FOLDER VALUE [CHECKPOINT]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from desired_state.objects import ObjectRef
from support.harness import Harness
from support.toy import Gauges


class FileGauges(Gauges):
    """A world that outlives the process, with a log of every write."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / "world"
        self._log = folder / "writes"
        self._runs = folder / "runs"
        if self._runs.exists():
            self.runs |= set(self._runs.read_text().split())
        if self._file.exists():
            self.values["a"] = int(self._file.read_text())

    def write(self, name: str, value: int | None) -> None:
        """Sets the number and logs it."""
        super().write(name, value)
        self._file.write_text(str(value))
        with self._log.open("a") as log:
            log.write(f"{value}\n")

    def note(self, run: str) -> None:
        """Remembers a request across restarts."""
        super().note(run)
        self._runs.write_text("\n".join(self.runs))


def main(folder: Path, value: int, die_at: str) -> None:
    """Runs one pass, after a restart on the same data."""

    def checkpoint(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = Harness(folder / "state.db", checkpoint, FileGauges(folder))
    ref = ObjectRef("Gauge", "a")
    if engine.objects.get(ref) is None:
        engine.declare(value=value)
    engine.run(ref)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
