"""`swarmkeeper runbook run`: asks for a runbook and tells how it goes on."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer

from desired_state.objects import API_VERSION, JsonObject
from desired_state.runbook_run import RUNBOOK_RUN
from swarmkeeper.commands import kube
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.kube import KubeApi, KubeconfigOption, NamespaceOption, UnreachableError

_POLL: Final = 0.25  # seconds
_KEPT: Final = "168h"
_ENDS: Final = {"Succeeded": 0, "Failed": 1}


def command(  # noqa: PLR0913, PLR0917 - one parameter each for what people may say
    runbook: Annotated[str, typer.Argument(help="Its name: `swarmkeeper runbook list`.")],
    object_: Annotated[str, typer.Argument(metavar="KIND/NAME", help="SwarmService/orchestrator")],
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An input; may be repeated.")
    ] = None,
    approval: Annotated[bool, typer.Option(help="Let it wait until somebody approves it.")] = False,
    wait: Annotated[bool, typer.Option(help="Tell how it goes on, until it has ended.")] = True,
    timeout: Annotated[
        str, typer.Option(help="How long the target may take to be well afterwards.")
    ] = "10m",
    namespace: NamespaceOption = kube.HERE,
    kubeconfig: KubeconfigOption = kube.DEFAULT_KUBECONFIG,
) -> int:
    """Asks for a runbook on an object, once, and waits until the object is well again.

    It is a RunbookRun on the API: the guard asks about it as about any action, and the audit trail
    records it. Ctrl-C ends the waiting, not the run. Exit codes: 0 it has succeeded, or was asked for
    with --no-wait; 1 it has failed, or error; 130 interrupted.
    """
    kind, _, name = object_.partition("/")
    if not name:
        raise CommandError(f"{object_!r} names no object: write KIND/NAME")
    spec: JsonObject = {
        "runbook": runbook,
        "target": {"kind": kind, "name": name},
        "parameters": _parameters(param or []),
        "timeout": timeout,
        "ttlAfterFinished": _KEPT,
    }
    if approval:
        spec["approval"] = "Required"
    api = KubeApi.of(kubeconfig)
    metadata = {"generateName": f"{runbook}-{name}-"[:57]}
    document = {"apiVersion": API_VERSION, "kind": RUNBOOK_RUN.name, "metadata": metadata}
    created = api.ask("POST", api.folder(RUNBOOK_RUN.name, namespace), {**document, "spec": spec})
    run = created["metadata"]["name"]
    typer.echo(f"{RUNBOOK_RUN.name}/{run}: {runbook} on {object_} is asked for")
    return _follow(api, api.path(RUNBOOK_RUN.name, run, namespace)) if wait else 0


def _follow(api: KubeApi, path: str) -> int:
    """Tells each new state until the end, also across a restart of the operator."""
    told: tuple[str, str] | None = None
    cut_off = False
    while True:
        try:
            status = api.ask("GET", path).get("status", {})
        except UnreachableError as error:
            if not cut_off:
                typer.echo(f"{error}: still trying", err=True)
            cut_off = True
            status = {}
        else:
            cut_off = False
        state = status.get("phase", ""), status.get("message", "")
        if status and state != told:
            typer.echo(f"{state[0]}: {state[1]}")
            told = state
        if state[0] in _ENDS:
            return _ENDS[state[0]]
        time.sleep(_POLL)


def _parameters(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"--param {text!r}: write NAME=VALUE")
        if name in found:
            raise CommandError(f"--param {name} is given twice")
        found[name] = value
    return found
