"""Risky actions wait for a human's yes, which is bound to exactly what was shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from desired_state.objects import Approval, JsonObject
from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.controller.names import APPROVE
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.diff import mask_document
from swarmkeeper.runtime.plan import Action, Plan, Risk

REQUIRED_FROM: Final = Risk.MEDIUM
"""The risk from which on `approval: Required` asks; what touches no running task passes."""
_SHOWN: Final = 5
_LONGEST: Final = 80  # characters of a value that are shown


def approval(question: Question) -> Hold | None:
    """Holds a risky action until its plan is approved."""
    if not is_needed(question):
        return None
    expected = plan_hash(question)
    if question.annotations.get(APPROVE) == expected:
        return None
    risky = _risky(question)
    shown = "; ".join(_told(action) for action in risky[:_SHOWN])
    more = f"; and {len(risky) - _SHOWN} more" if len(risky) > _SHOWN else ""
    message = (
        f"plan {expected} waits for approval: {shown}{more}. Approve it with `swarmkeeper approve"
        f" {question.asked_by or question.target.ref}` or the annotation {APPROVE}={expected}"
    )
    pending = {"hash": expected, "actions": [document(action) for action in risky]}
    return Hold(conditions.APPROVAL_REQUIRED, message, pending=pending)


def is_needed(question: Question) -> bool:
    """Whether the action may be taken with approval only."""
    return _asks(question.action, _level(question))


def plan_hash(question: Question) -> str:
    """What an approval must name: another plan, generation or use of an approval has another."""
    target = question.target
    plan = Plan(actions=_risky(question)).hash(target.uid, target.generation)
    used = question.world.approvals_used(target.uid)
    return hashlib.sha256(f"{plan} {used}".encode()).hexdigest()[:12] if used else plan


def _level(question: Question) -> Risk | None:
    """The stricter of what the object and the operator's settings ask for."""
    declared = question.strict or question.target.spec.approval is Approval.REQUIRED
    levels = [REQUIRED_FROM if declared else None, question.world.policy.approval_from]
    return min((level for level in levels if level is not None), default=None)


def _risky(question: Question) -> tuple[Action, ...]:
    """The actions that need approval; others may come and go and change nothing about it."""
    level = _level(question)
    return tuple(action for action in question.actions if _asks(action, level))


def _asks(action: Action, level: Risk | None) -> bool:
    if action.completes:
        return False
    return action.confirm or (level is not None and action.risk >= level)


def document(action: Action) -> JsonObject:
    """One action as `status.pendingApproval` shows it, secrets masked."""
    return {
        "runbook": action.runbook,
        "target": action.target,
        "risk": action.risk.name,
        "reason": action.reason,
        "before": mask_document(action.before),
        "after": mask_document(action.after),
    }


def _told(action: Action) -> str:
    before, after = mask_document(action.before), mask_document(action.after)
    changes = ", ".join(change(path, before, after) for path in {**before, **after})
    return f"{action.runbook} {action.target} ({action.risk.name}): {changes or action.reason}"


def change(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`spec.replicas 9 → 3`; long values are cut."""
    return f"{path} {_shown(before.get(path))} → {_shown(after.get(path))}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
