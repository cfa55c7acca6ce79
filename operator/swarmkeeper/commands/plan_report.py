"""How a dry run is told: text for people, a document for machines, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from desired_state.snapshot import Snapshot
from swarmkeeper.commands.tree import count
from swarmkeeper.controller.dry_run import Preview
from swarmkeeper.runtime.plan import Action, Plan, Risk

HERE: Final = Path()


class Verdict(StrEnum):
    """What a dry run comes to; the worst of all objects."""

    IN_SYNC = "InSync"
    """Everything was read and is as declared."""
    DRIFT = "Drift"
    """Something is not as declared."""
    UNKNOWN = "Unknown"
    """Something could not be read."""
    INVALID = "Invalid"
    """A file is not valid."""


def judge(snapshot: Snapshot, previews: Sequence[Preview]) -> Verdict:
    """The verdict on a whole tree; what is not known weighs more than drift."""
    if snapshot.problems:
        return Verdict.INVALID
    if any(each.plan.unknown for each in previews):
        return Verdict.UNKNOWN
    return Verdict.IN_SYNC if all(each.plan.in_sync for each in previews) else Verdict.DRIFT


def lines(snapshot: Snapshot, previews: Sequence[Preview]) -> Iterator[str]:
    """The report for people."""
    for each in previews:
        yield from _object_lines(each)
    yield _summary(snapshot, previews)


def document(snapshot: Snapshot, previews: Sequence[Preview], verdict: Verdict) -> dict[str, Any]:
    """The report for machines."""
    return {
        "verdict": verdict,
        "revision": snapshot.revision,
        "problems": [str(problem) for problem in snapshot.problems],
        "objects": [_object_document(each) for each in previews],
    }


def restarts(plan: Plan, action: Action) -> bool:
    """Whether an action restarts tasks: an action of low risk never does, by definition."""
    if action.risk is Risk.LOW:
        return False
    mine = [diff for diff in plan.drift if diff.path in action.after] or plan.drift
    return any(diff.restarts for diff in mine)


def _object_lines(each: Preview) -> Iterator[str]:
    plan = each.plan
    left_alone = f" ({each.left_alone}: nothing would be done)" if each.left_alone else ""
    if plan.in_sync:
        yield f"{each.ref}: in sync{left_alone}"
        return
    yield f"{each.ref}:{left_alone}"
    for reason in plan.unknown:
        yield f"  unknown: {reason}"
    for diff in plan.drift:
        yield f"  {diff}"
    if plan.blocked is not None:
        yield f"  held: {plan.blocked[1]} ({plan.blocked[0]})"
    for action in () if each.left_alone else plan.actions:
        yield f"  -> {_told(plan, action)}"


def _told(plan: Plan, action: Action) -> str:
    tasks = "restarts tasks" if restarts(plan, action) else "restarts no task"
    return f"{action.runbook} {action.target} (risk {action.risk.name.lower()}, {tasks})"


def _summary(snapshot: Snapshot, previews: Sequence[Preview]) -> str:
    drifted = sum(not each.plan.in_sync and not each.plan.unknown for each in previews)
    unknown = sum(bool(each.plan.unknown) for each in previews)
    parts = [
        f"{len(previews) - drifted - unknown} of {count(len(previews), 'object')} in sync",
        f"{drifted} drifted" if drifted else "",
        f"{unknown} unknown" if unknown else "",
        count(len(snapshot.problems), "invalid declaration") if snapshot.problems else "",
    ]
    return ", ".join(part for part in parts if part)


def _object_document(each: Preview) -> dict[str, Any]:
    plan = each.plan
    return {
        "object": str(each.ref),
        "inSync": plan.in_sync,
        "leftAlone": each.left_alone,
        "drift": [{**diff.as_status(), "restarts": diff.restarts} for diff in plan.drift],
        "actions": [
            {
                "runbook": action.runbook,
                "target": action.target,
                "risk": action.risk.name.lower(),
                "restartsTasks": restarts(plan, action),
                "reason": action.reason,
            }
            for action in plan.actions
        ],
        "unknown": list(plan.unknown),
        "blocked": {"reason": plan.blocked[0], "message": plan.blocked[1]}
        if plan.blocked
        else None,
    }
