"""A runbook asked for: by a RunbookRun, or the annotation `swarmkeeper.dev/run: restart:<anything>`.

The annotation is the short way, for one runbook without parameters whose end nobody waits for. What
follows the colon makes the request another one than the last, so that it is done once:

    kubectl annotate swarmservice web swarmkeeper.dev/run=restart:$(date +%s) --overwrite
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desired_state.objects import ObjectRef
from swarmkeeper.controller.names import RUN
from swarmkeeper.controller.runs.refusal import find, unknown
from swarmkeeper.controller.runs.run import Run
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.runbook import Runbook

HANDLED = "lastHandledRun"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request that was not handled yet.

    Attributes:
        value: of the annotation; identity of the run.
        action: the step to take; None for a runbook that the kind does not have.
        refusal: why it can't be taken, or empty.
        run: the object that asks; None for an annotation.
    """

    value: str
    action: Action | None
    refusal: str = ""
    run: Run | None = None


def pending(
    ref: ObjectRef, stored: Mapping[str, Any], runbooks: tuple[Runbook, ...]
) -> RunRequest | None:
    """The request that stands on an object and was not handled yet, or None.

    Args:
        ref: the object.
        stored: the object as stored.
        runbooks: those of its kind.
    """
    value = stored["metadata"].get("annotations", {}).get(RUN, "")
    if not value or value == stored.get("status", {}).get(HANDLED):
        return None
    name = value.partition(":")[0]
    runbook = find(runbooks, name)
    if runbook is None:
        return RunRequest(value, None, unknown(name, runbooks))
    reason = f"asked for by the annotation {RUN}={value}"
    return RunRequest(value, _action(ref, runbook, {"run": value}, reason))


def of_run(run: Run, runbooks: tuple[Runbook, ...]) -> RunRequest:
    """The request that a RunbookRun is.

    Args:
        run: one that its kind does not refuse.
        runbooks: those of the target's kind.
    """
    runbook = find(runbooks, run.spec.runbook)
    if runbook is None:
        return RunRequest(run.id, None, unknown(run.spec.runbook, runbooks), run)
    parameters = {**run.spec.parameters, "run": run.id}
    action = _action(run.target, runbook, parameters, f"asked for by {run.ref}")
    return RunRequest(run.id, action, run=run)


def _action(ref: ObjectRef, runbook: Runbook, parameters: Mapping[str, str], reason: str) -> Action:
    return Action(
        runbook=runbook.name,
        target=str(ref),
        before={},
        after=dict(parameters),
        reason=reason,
        risk=runbook.risk,
        parameters=parameters,
        confirm=runbook.confirm,
    )
