"""Failures that a user can cause: told in a sentence, without a traceback."""

from __future__ import annotations

import sys


class CommandError(Exception):
    """A command can't do what it was asked to; the message says what to change."""


def report(error: Exception) -> int:
    """Tells a failure on stderr and gives the exit code for it."""
    sys.stderr.write(f"error: {error}\n")
    return 1
