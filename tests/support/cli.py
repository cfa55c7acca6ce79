"""Running the command line inside a test, without a process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from swarmkeeper import cli


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    Attributes:
        code: exit code.
        out: stdout.
        err: stderr.
    """

    code: int
    out: str
    err: str


def swarmkeeper(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    """Runs `swarmkeeper <arguments>`."""
    code = cli.run(arguments)
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)
