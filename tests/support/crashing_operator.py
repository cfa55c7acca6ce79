"""The operator, but it kills itself with -9 at a step of a pass: crashing_operator.py STEP[:N] run ..."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

from swarmkeeper import cli
from swarmkeeper.commands import run
from swarmkeeper.composition import World
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import Tracer
from swarmkeeper.settings import Settings


def main() -> None:
    """Puts the checkpoint in, and goes on as `swarmkeeper` does."""
    name, _, count = sys.argv.pop(1).partition(":")
    left = int(count or 1)
    real_world = run.world

    def checkpoint(step: str) -> None:
        nonlocal left
        left -= step == name
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def world(
        settings: Settings, tracer: Tracer | None = None, redactor: Redactor | None = None
    ) -> World:
        return replace(real_world(settings, tracer, redactor), checkpoint=checkpoint)

    run.world = world
    cli.main()


if __name__ == "__main__":
    main()
