"""`swarmkeeper approve`: says yes to exactly the plan that an object shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from desired_state.objects import JsonObject
from swarmkeeper.commands import kube
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.kube import KubeApi, KubeconfigOption, NamespaceOption
from swarmkeeper.controller.names import APPROVE


def command(
    object_: Annotated[str, typer.Argument(metavar="KIND/NAME", help="SwarmService/orchestrator")],
    hash_: Annotated[
        str, typer.Option("--hash", help="Refuse if another plan than this one waits.")
    ] = "",
    namespace: NamespaceOption = kube.HERE,
    kubeconfig: KubeconfigOption = kube.DEFAULT_KUBECONFIG,
) -> int:
    """Approves the plan that waits for a yes, and no other.

    Shows what is approved. If the plan changes before it is carried out, it waits again. Exit codes:
    0 approved, 1 nothing waits there, another plan does, or error.
    """
    kind, _, name = object_.partition("/")
    if not name:
        raise CommandError(f"{object_!r} names no object: write KIND/NAME")
    api = KubeApi.of(kubeconfig)
    path = api.path(kind, name, namespace)
    pending = api.ask("GET", path).get("status", {}).get("pendingApproval")
    if pending is None:
        raise CommandError(f"{object_} has no plan that waits for approval")
    if hash_ not in ("", pending["hash"]):
        raise CommandError(
            f"{object_} has another plan now, {pending['hash']}: look at it before you approve it"
        )
    api.annotate(path, {APPROVE: pending["hash"]})
    for line in _lines(object_, pending):
        typer.echo(line)
    return 0


def _lines(object_: str, pending: JsonObject) -> Iterator[str]:
    yield f"{object_}: plan {pending['hash']} is approved"
    for action in pending["actions"]:
        yield f"  {action['runbook']} {action['target']} (risk {action['risk']}): {action['reason']}"
        before, after = action["before"], action["after"]
        for path in {**before, **after}:
            yield f"    {path}: {_shown(before.get(path))} -> {_shown(after.get(path))}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
