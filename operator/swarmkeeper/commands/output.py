"""How a command writes its answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
import yaml


class Output(StrEnum):
    """For whom the answer is."""

    TEXT = "text"
    """For people."""
    JSON = "json"
    """For machines."""


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="text for people, json for machines.")
]


class Form(StrEnum):
    """For whom the answer is, where it is one document."""

    TEXT = "text"
    """For people."""
    JSON = "json"
    """For machines."""
    YAML = "yaml"
    """For both."""


FormOption = Annotated[
    Form, typer.Option("--output", "-o", help="text for people, json or yaml for machines.")
]


def write_json(value: Any) -> None:
    """Writes one JSON document."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def write_yaml(value: Any) -> None:
    """Writes one YAML document."""
    typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
