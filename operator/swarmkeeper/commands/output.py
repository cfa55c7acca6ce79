"""How a command writes its answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer


class Output(StrEnum):
    """For whom the answer is."""

    TEXT = "text"
    """For people."""
    JSON = "json"
    """For machines."""


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="text for people, json for machines.")
]


def write_json(value: Any) -> None:
    """Writes one JSON document."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
