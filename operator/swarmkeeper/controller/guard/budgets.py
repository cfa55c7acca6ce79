"""Budgets of actions, counted from the audit trail: a restart renews none."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from desired_state.fields import format_duration
from swarmkeeper.controller.guard.guard import Hold, Question

RECHECK: Final = timedelta(seconds=30)


def limits(question: Question) -> Hold | None:
    """Holds when the object has used up its budget of actions for the period."""
    budget = question.target.spec.limits
    since = question.target.now - budget.per
    begun = question.world.actions_since(question.target.uid, since)
    if begun < budget.max_actions:
        return None
    return Hold(
        "LimitReached",
        f"{begun} actions in the last {format_duration(budget.per)}: the limit of"
        f" spec.limits.maxActions={budget.max_actions} is reached; something keeps undoing them",
        after=min(budget.per, RECHECK),
    )
