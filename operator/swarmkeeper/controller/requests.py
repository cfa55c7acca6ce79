"""A runbook asked for by hand: the annotation `swarmkeeper.dev/run: restart:<anything>`.

What follows the colon makes the request another one than the last, so that it is done once:

    kubectl annotate swarmservice web swarmkeeper.dev/run=restart:$(date +%s) --overwrite
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desired_state.objects import ObjectRef
from swarmkeeper.controller.names import RUN
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.runbook import Runbook

HANDLED = "lastHandledRun"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request that was not handled yet.

    Attributes:
        value: of the annotation.
        action: the step to take; None for a runbook that the kind does not have.
        refusal: why it can't be taken, or empty.
    """

    value: str
    action: Action | None
    refusal: str = ""


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
    runbook = next((known for known in runbooks if known.name == name), None)
    if runbook is None:
        names = ", ".join(known.name for known in runbooks)
        return RunRequest(value, None, f"there is no runbook {name!r}: there are {names}")
    action = Action(
        runbook=name,
        target=str(ref),
        before={},
        after={"run": value},
        reason=f"asked for by the annotation {RUN}={value}",
        risk=runbook.risk,
        parameters={"run": value},
    )
    return RunRequest(value, action)
