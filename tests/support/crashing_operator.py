"""The operator, but at a step of a pass it kills itself with -9, or waits.

crashing_operator.py STEP[:N] run …         kills itself, the n-th time that it comes by
crashing_operator.py STEP[:N] FILE run …    makes FILE, and waits until it is gone, and so do the others
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from swarmkeeper import cli
from swarmkeeper.commands import run
from swarmkeeper.composition import World
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import Tracer
from swarmkeeper.settings import Settings


def main() -> None:
    """Puts the checkpoint in, and goes on as `swarmkeeper` does."""
    name, _, count = sys.argv.pop(1).partition(":")
    file = None if sys.argv[1] == "run" else Path(sys.argv.pop(1))
    left = int(count or 1)
    real_world = run.world

    def checkpoint(step: str) -> None:
        nonlocal left
        left -= step == name
        if step == name and left == 0:
            die() if file is None else file.touch()
        while file is not None and file.exists():
            time.sleep(0.02)

    def world(
        settings: Settings, tracer: Tracer | None = None, redactor: Redactor | None = None
    ) -> World:
        return replace(real_world(settings, tracer, redactor), checkpoint=checkpoint)

    run.world = world
    cli.main()


def die() -> None:
    """As if someone pulled the plug."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
