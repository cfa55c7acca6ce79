"""Budgets of actions, counted from the audit trail: a restart renews none.

An interrupted action that is taken up again was counted when it was begun.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from desired_state.fields import format_duration
from swarmkeeper.controller.guard.guard import Hold, Question

LIMIT_REACHED: Final = "LimitReached"
CLUSTER_LIMIT_REACHED: Final = "ClusterLimitReached"
RECHECK: Final = timedelta(seconds=30)


def limits(question: Question) -> Hold | None:
    """Holds when the object has used up its budget of actions for the period."""
    budget = question.target.spec.limits
    since = question.target.now - budget.per
    begun = question.world.actions_since(question.target.uid, since) - question.resumed
    if begun < budget.max_actions:
        return None
    return Hold(
        LIMIT_REACHED,
        f"{begun} actions in the last {format_duration(budget.per)}: the limit of"
        f" spec.limits.maxActions={budget.max_actions} is reached; something keeps undoing them",
        after=min(budget.per, RECHECK),
    )


def runbook_limits(question: Question) -> Hold | None:
    """Holds when a runbook has used up its own budget on the object."""
    runbook = question.action.runbook
    budget = question.target.spec.limits.runbooks.get(runbook)
    if budget is None:
        return None
    since = question.target.now - budget.per
    begun = question.world.actions_since(question.target.uid, since, runbook) - question.resumed
    if begun < budget.max_actions:
        return None
    return Hold(
        LIMIT_REACHED,
        f"{runbook} ran {begun} times in the last {format_duration(budget.per)}: the limit of"
        f" spec.limits.runbooks.{runbook}.maxActions={budget.max_actions} is reached",
        after=min(budget.per, RECHECK),
    )


def cluster_limits(question: Question) -> Hold | None:
    """Holds when all objects together have used up the operator's budget."""
    policy = question.world.policy
    if policy.max_actions is None:
        return None
    since = question.target.now - policy.per
    begun = question.world.all_actions_since(since) - question.resumed
    if begun < policy.max_actions:
        return None
    return Hold(
        CLUSTER_LIMIT_REACHED,
        f"{begun} actions on all objects in the last {format_duration(policy.per)}: the operator's"
        f" --max-actions={policy.max_actions} is reached",
        after=min(policy.per, RECHECK),
    )
