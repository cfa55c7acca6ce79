"""Reading a folder of desired state for the commands that are given one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desired_state.loader import load_tree
from desired_state.problems import Problem
from desired_state.snapshot import Snapshot
from desired_state.sources import describe_working_tree
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.kinds import scheme

FolderArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="Folder that holds the objects.")
]


def read(folder: Path) -> Snapshot:
    """Loads a folder; in a clean git working tree with its commit, so that drift can name it.

    Raises:
        CommandError: it is no folder.
    """
    if not folder.is_dir():
        what = "is a file: give the folder it is in" if folder.exists() else "does not exist"
        raise CommandError(f"{folder} {what}")
    tree = describe_working_tree(folder)
    revision = tree.revision if tree and not tree.dirty else ""
    return load_tree(folder, scheme(), revision=revision)


def place(folder: Path, problem: Problem) -> str:
    """A problem as a line that editors and terminals can follow: `folder/file.yaml:12: ...`."""
    return str(folder / str(problem)) if problem.path != "." else f"{folder}: {problem.message}"


def count(number: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
