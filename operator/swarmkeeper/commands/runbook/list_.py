"""`swarmkeeper runbook list`: the runbooks of each kind, with parameters, risk and way back."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from desired_state.objects import JsonObject
from reconcilers.registry import RECONCILERS
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.output import Output, OutputOption, write_json
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.runbook import Parameter, Runbook

_WIDTH = 100


def command(
    kind: Annotated[
        str, typer.Argument(help="Only those of one kind, e.g. SwarmService.", show_default=False)
    ] = "",
    output: OutputOption = Output.TEXT,
) -> int:
    """Lists the runbooks of each kind: risk, parameters, what it does, how it is undone."""
    chosen = _chosen(kind)
    if output is Output.JSON:
        write_json([_document(each, runbook) for each in chosen for runbook in each.runbooks])
        return 0
    for each in chosen:
        typer.echo(each.kind.name)
        for runbook in each.runbooks:
            for line in _lines(runbook):
                typer.echo(f"  {line}")
    return 0


def _chosen(kind: str) -> list[Reconciler[Any, Any]]:
    if not kind:
        return list(RECONCILERS.values())
    for reconciler in RECONCILERS.values():
        known = reconciler.kind
        names = {known.name.lower(), known.plural, *known.short_names}
        if kind.lower() in names:
            return [reconciler]
    raise CommandError(f"there is no kind {kind!r}: there are {', '.join(RECONCILERS)}")


def _lines(runbook: Runbook) -> Iterator[str]:
    who = "the loop and people" if runbook.automatic else "people only"
    yield f"{runbook.name}  (risk {runbook.risk.name}, {who})"
    yield from textwrap.wrap(
        runbook.description, _WIDTH, initial_indent="  ", subsequent_indent="  "
    )
    for parameter in runbook.parameters:
        yield f"  --param {parameter.name}=…  {_described(parameter)}"
    way_back = runbook.revert if runbook.revert.endswith(".") else f"runbook {runbook.revert}"
    yield f"  way back: {way_back}"


def _described(parameter: Parameter) -> str:
    return f"(required) {parameter.description}" if parameter.required else parameter.description


def _document(reconciler: Reconciler[Any, Any], runbook: Runbook) -> JsonObject:
    return {
        "kind": reconciler.kind.name,
        "name": runbook.name,
        "description": runbook.description,
        "risk": runbook.risk.name,
        "automatic": runbook.automatic,
        "revert": runbook.revert,
        "parameters": [
            {"name": each.name, "description": each.description, "required": each.required}
            for each in runbook.parameters
        ],
    }
