"""Runs a program: without a shell, with an environment of its own, never for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class TimedOut(Exception):  # noqa: N818 - what happened, not whose fault it is
    """A program did not end in time and was killed, with all that it had started."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    Attributes:
        code: exit code; negative for a signal.
        output: standard output.
        errors: standard error.
    """

    code: int
    output: bytes
    errors: bytes


def run_program(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str], timeout: float
) -> Finished:
    """Runs a program to its end.

    Args:
        command: never holds a secret: it is visible to every process.
        folder: where to run.
        env: the whole environment.
        timeout: seconds it may take.

    Raises:
        OSError: there is no such program.
        TimedOut: the time is over.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=max(timeout, 0.0))
    except subprocess.TimeoutExpired:
        raise TimedOut("no answer in time") from None
    finally:
        _end(process)
    return Finished(process.returncode, output, errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills the whole process group, if it still runs, and reaps it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
