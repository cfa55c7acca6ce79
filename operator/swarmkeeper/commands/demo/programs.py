"""Running the programs that people would run: git, docker, kubectl."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from swarmkeeper.commands.demo.errors import DemoError


def run(
    *words: str,
    cwd: Path | None = None,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs a program to its end and gives what it printed.

    Args:
        words: program and arguments.
        cwd: folder to run it in.
        stdin: what it reads.
        env: variables on top of this process's.

    Raises:
        DemoError: it is not installed, failed, or took longer than two minutes.
    """
    program = shutil.which(words[0])
    if program is None:
        raise DemoError(f"the program {words[0]} is not installed")
    try:
        done = subprocess.run(
            [program, *words[1:]],
            cwd=cwd,
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"{' '.join(words[:3])} took longer than two minutes") from error
    if done.returncode:
        raise DemoError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
