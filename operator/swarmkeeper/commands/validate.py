"""`swarmkeeper validate`."""

from __future__ import annotations

from pathlib import Path

import typer

from desired_state.snapshot import Snapshot
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.output import Output, OutputOption, write_json
from swarmkeeper.commands.tree import FolderArgument, count, place, read


def command(path: FolderArgument = Path(), output: OutputOption = Output.TEXT) -> int:
    """Checks a folder of desired state and names every problem with file and line.

    Nothing is asked of Docker or the network. Exit codes: 0 all is valid, 1 there are problems.
    """
    snapshot = read(path)
    if not snapshot.objects and not snapshot.problems:
        raise CommandError(f"{path} declares nothing: is it the right folder?")
    if output is Output.JSON:
        write_json(_document(snapshot))
    else:
        for problem in snapshot.problems:
            typer.echo(place(path, problem))
        typer.echo(_summary(snapshot), err=bool(snapshot.problems))
    return 1 if snapshot.problems else 0


def _summary(snapshot: Snapshot) -> str:
    objects = count(len(snapshot.objects), "object")
    if snapshot.problems:
        return f"{count(len(snapshot.problems), 'problem')}; {objects} valid"
    return f"{objects} in {count(snapshot.files_read, 'file')}: all valid"


def _document(snapshot: Snapshot) -> dict[str, object]:
    return {
        "valid": not snapshot.problems,
        "objects": [str(ref) for ref in sorted(snapshot.objects)],
        "problems": [
            {
                "path": problem.path,
                "line": problem.line,
                "object": str(problem.ref) if problem.ref else "",
                "field": problem.field,
                "message": problem.message,
            }
            for problem in snapshot.problems
        ],
    }
