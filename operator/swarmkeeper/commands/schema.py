"""`swarmkeeper schema`: what editors need to complete and check the YAML while it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from pydantic.json_schema import models_json_schema

from desired_state.model_schema import DeclaredJsonSchema
from desired_state.objects import API_VERSION, Metadata
from desired_state.scheme import Scheme
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.kinds import scheme

# The newest draft that the YAML language server understands in full.
_DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def command(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; stdout by default.")
    ] = None,
) -> int:
    """Writes the JSON Schema of all kinds, for editors.

    Name the file in the first line of a YAML file:
    `# yaml-language-server: $schema=swarmkeeper.schema.json`. Exit codes: 0 written, 1 error.
    """
    text = schema_text(scheme())
    if output is None:
        typer.echo(text, nl=False)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output}: {(error.strerror or 'failed').lower()}") from error
    typer.echo(f"wrote {output}", err=True)
    return 0


def schema_text(kinds: Scheme) -> str:
    """The schema as a file."""
    return orjson.dumps(document_schema(kinds), option=orjson.OPT_INDENT_2).decode() + "\n"


def document_schema(kinds: Scheme) -> dict[str, Any]:
    """The JSON Schema of one object: the kind decides what its spec may hold."""
    declared = [kind for kind in kinds if kind.from_git]
    models = [(kind.spec, "validation") for kind in declared]
    references, shared = models_json_schema(
        [(Metadata, "validation"), *models],  # type: ignore[list-item] # a literal, widened
        schema_generator=DeclaredJsonSchema,
    )
    by_kind = {kind.name: references[kind.spec, "validation"] for kind in declared}
    return {
        "$schema": _DRAFT,
        "title": "An object of Swarmkeeper's desired state",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"enum": list(by_kind)},
            "metadata": references[Metadata, "validation"],
            "spec": {"type": "object"},
        },
        "allOf": [_when(kind.name, kind.description, by_kind[kind.name]) for kind in declared],
        "$defs": shared["$defs"],
    }


def _when(kind: str, description: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"description": description, "properties": {"spec": spec}},
    }
