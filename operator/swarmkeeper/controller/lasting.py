"""Did it last? A success that is undone, or that harms, within `healthyDelay` was none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard.breaker import Attempt, attempts
from swarmkeeper.controller.lookups import LookUps
from swarmkeeper.runtime.diff import mask_document
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.store.audit import Entry

DEGRADED: Final = "Degraded"
_ROUNDING: Final = timedelta(seconds=1)  # the status has whole seconds


def undone(deps: Deps, target: Target[Any], plan: Plan) -> str:
    """Notes in the trail what succeeded a moment ago and is asked for again.

    Returns:
        A sentence on it for people, or nothing.
    """
    if not plan.actions or remaining(target.status, target) is None:
        return ""

    def again(attempt: Attempt) -> bool:
        return any(_same(attempt, action) for action in plan.actions)

    return _relapse(deps, target, again, "was undone again")


def worsened(deps: Deps, target: Target[Any], health: str, *, acted: bool) -> str:
    """Notes in the trail that health has become bad right after an action.

    Args:
        deps: the controller's parts.
        target: the object, with its status before the pass.
        health: as it is now.
        acted: whether an action was taken in this pass.

    Returns:
        A sentence on it for people, or nothing.
    """
    if not target.spec.healthy_delay:  # the object says that health tells nothing about actions
        return ""
    if health != DEGRADED or target.status.get("health") == DEGRADED:
        return ""
    if not acted and remaining(target.status, target) is None:
        return ""
    return _relapse(deps, target, lambda _: True, "was followed by bad health")


def remaining(status: Mapping[str, Any], target: Target[Any]) -> timedelta | None:
    """How long the last operation must still hold; None where it has held long enough."""
    finished = status.get("lastOperation", {}).get("finishedAt")
    if not finished or not target.spec.healthy_delay:
        return None
    left = datetime.fromisoformat(finished) + target.spec.healthy_delay + _ROUNDING - target.now
    return left if left > timedelta(0) else None


def _relapse(deps: Deps, target: Target[Any], chosen: Callable[[Attempt], bool], why: str) -> str:
    since = target.now - target.spec.healthy_delay
    history = LookUps(deps).history(target.uid, since - target.spec.timeout)
    for attempt in reversed(attempts(history)):
        outcome = attempt.outcome
        if outcome is None or outcome.entry is not Entry.SUCCEEDED or attempt.relapse is not None:
            continue
        if datetime.fromisoformat(outcome.at) >= since and chosen(attempt):
            step = attempt.intent.step
            deps.trail.relapse(outcome.action, step, why)
            return f"{step.runbook} {step.target} {why}"
    return ""


def _same(attempt: Attempt, action: Action) -> bool:
    """Whether an action would bring about again what an attempt has brought about."""
    step = attempt.intent.step
    if (step.runbook, step.target) != (action.runbook, action.target):
        return False
    return dict(step.after) == mask_document(action.after)
