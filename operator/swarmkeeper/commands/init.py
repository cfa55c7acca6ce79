"""`swarmkeeper init`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.kinds import scheme
from swarmkeeper.commands.schema import schema_text

_COPIED: Final = (".yaml", ".md")
_EDITOR: Final = {"yaml.schemas": {"./swarmkeeper.schema.json": ["*.yaml"]}}


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty folder; `.git` may be there.")
    ] = Path(),
) -> int:
    """Makes a desired-state repository to start from.

    It holds the example system, commented, a README, and the JSON Schema wired up for editors.
    Exit codes: 0 made, 1 the folder is not empty or can't be written.
    """
    _require_empty(directory)
    try:
        for name, text in sorted(scaffold()):
            _write(directory / name, text)
            typer.echo(f"  {directory / name}")
    except OSError as error:
        raise CommandError(f"{error.filename}: {(error.strerror or 'failed').lower()}") from error
    typer.echo(f"\nNext: change the YAML to your system, then\n  swarmkeeper validate {directory}")
    return 0


def scaffold() -> Iterator[tuple[str, str]]:
    """The files of a new repository: name and text."""
    for entry in files("desired_state").joinpath("agentes_ai").iterdir():
        if entry.name.endswith(_COPIED):
            yield entry.name, entry.read_text(encoding="utf-8")
    yield "swarmkeeper.schema.json", schema_text(scheme())
    editor = orjson.dumps(_EDITOR, option=orjson.OPT_INDENT_2).decode()
    yield ".vscode/settings.json", f"{editor}\n"


def _require_empty(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise CommandError(f"{directory} is a file: give a new or empty folder")
    found = sorted(entry.name for entry in directory.iterdir()) if directory.exists() else []
    if set(found) - {".git"}:
        first = next(name for name in found if name != ".git")
        raise CommandError(f"{directory} is not empty ({first}): give a new or empty folder")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
