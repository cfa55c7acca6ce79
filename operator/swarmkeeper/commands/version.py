"""`swarmkeeper version`."""

from __future__ import annotations

import platform
from importlib.metadata import version

import typer


def command() -> None:
    """Prints the version."""
    typer.echo(f"swarmkeeper {version('swarmkeeper')} (Python {platform.python_version()})")
