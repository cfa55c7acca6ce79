"""The command line: `swarmkeeper <command>`. A command is imported only when it is run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from swarmkeeper.commands.errors import CommandError, report


class Entry(NamedTuple):
    """One command of the list that `--help` shows.

    Attributes:
        place: `module:name` of a function or of a Typer application.
        summary: first line of its help, so that the list needs no import.
    """

    place: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "run": Entry(
        "swarmkeeper.commands.operate:command",
        "Runs the operator until SIGTERM or Ctrl-C.",
    ),
    "plan": Entry(
        "swarmkeeper.commands.plan:command",
        "Shows what the operator would do now, and changes nothing.",
    ),
    "validate": Entry(
        "swarmkeeper.commands.validate:command",
        "Checks a folder of desired state and names every problem with file and line.",
    ),
    "init": Entry(
        "swarmkeeper.commands.init:command",
        "Makes a desired-state repository to start from.",
    ),
    "schema": Entry(
        "swarmkeeper.commands.schema:command",
        "Writes the JSON Schema of all kinds, for editors.",
    ),
    "approve": Entry(
        "swarmkeeper.commands.approve:command",
        "Approves the plan that waits for a yes, and no other.",
    ),
    "runbook": Entry(
        "swarmkeeper.commands.runbook:app",
        "Shows the runbooks of every kind, and runs one on an object.",
    ),
    "audit-trail": Entry(
        "swarmkeeper.commands.audit_trail:app",
        "Reads and checks the record of every action.",
    ),
    "store": Entry(
        "swarmkeeper.commands.store:app",
        "Backs up, restores, compacts and checks what the operator keeps.",
    ),
    "token": Entry(
        "swarmkeeper.commands.token:app",
        "Issues tokens for the API, lists them and takes them away.",
    ),
    "sandbox": Entry(
        "swarmkeeper.sandbox.commands:app",
        "A real, throw-away Docker Swarm on this machine.",
    ),
    "demo": Entry(
        "swarmkeeper.commands.demo.command:command",
        "Shows the whole loop on a real Swarm, step by step.",
    ),
    "version": Entry(
        "swarmkeeper.commands.version:command",
        "Prints the version.",
    ),
}

# Typer has no public name for the base of all usage errors; it is the parent of this one.
_USAGE_ERROR: Final[type[Any]] = typer.BadParameter.__mro__[1]
_TYPER: Final[dict[str, Any]] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": "markdown",
}


class LazyGroup(TyperGroup):
    """Knows its commands by name and summary, and imports the one that is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, entry in COMMANDS.items():
            self.add_command(TyperCommand(name, help=entry.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The real command, when it is about to run."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else command, rest


def load(name: str) -> Any:
    """Imports a command."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        wrapped = typer.Typer(**_TYPER)
        wrapped.command(name)(found)
        found = wrapped
    command = typer.main.get_command(found)
    command.name = name
    return command


def root() -> Any:
    """The command `swarmkeeper`."""
    app = typer.Typer(cls=LazyGroup, **{**_TYPER, "add_completion": True})
    app.callback()(swarmkeeper)
    return typer.main.get_command(app)


def swarmkeeper() -> None:
    """Keeps a Docker Swarm as declared in git.

    Exit codes: 0 success, 1 error or wrong usage, 2 drift (`plan`), 130 interrupted.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code; only bugs show a traceback."""
    words = list(arguments) or ["--help"]
    try:
        code = root().main(args=words, prog_name="swarmkeeper", standalone_mode=False)
    except CommandError as error:
        return report(error)
    except typer.Abort:
        return 130
    except _USAGE_ERROR as error:
        return _usage(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def _usage(error: Any) -> int:
    """Shows what is wrong with a command line; 1, because 2 means drift."""
    error.show()
    return 1
