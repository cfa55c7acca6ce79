"""While much of a kind is broken, the cause is elsewhere: acting would only add to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from desired_state.fields import format_duration
from desired_state.objects import JsonObject
from swarmkeeper.controller.guard.budgets import CLUSTER_LIMIT_REACHED, LIMIT_REACHED
from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.controller.guard.windows import OUTSIDE_WINDOW
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.plan import Risk

TOO_MANY_UNHEALTHY: Final = "TooManyUnhealthy"
STORM_COOLDOWN: Final = "StormCooldown"
RECHECK: Final = timedelta(seconds=30)
_WAITING: Final = frozenset(
    {
        *(conditions.DRIFT_DETECTED, conditions.SUSPENDED, "ModeOff", OUTSIDE_WINDOW),
        *(conditions.DEPENDENCY_NOT_READY, conditions.APPROVAL_REQUIRED),
        *(LIMIT_REACHED, CLUSTER_LIMIT_REACHED, TOO_MANY_UNHEALTHY, STORM_COOLDOWN),
    }
)
"""Reasons of objects that the guard holds: what waits is not broken, or a storm would feed itself."""


def unhealthy(question: Question) -> Hold | None:
    """Holds risky actions in a storm and until it has been over for a while; people may go on."""
    policy, target = question.world.policy, question.target
    if policy.max_unhealthy is None or question.action.risk < Risk.MEDIUM or question.by_hand:
        return None
    kind = target.ref.kind
    objects = question.world.objects_of(kind)
    broken = sum(map(is_unhealthy, objects))
    if broken > policy.max_unhealthy.of(len(objects)):
        question.world.note_storm(kind, target.now)
        return Hold(
            TOO_MANY_UNHEALTHY,
            f"{broken} of {len(objects)} objects of kind {kind} are not Ready, more than the operator's"
            f" --max-unhealthy={policy.max_unhealthy}: look for what they have in common",
            after=RECHECK,
        )
    seen = question.world.storm_seen(kind)
    left = seen + policy.storm_cooldown - target.now if seen is not None else timedelta(0)
    if left <= timedelta(0):
        return None
    return Hold(
        STORM_COOLDOWN,
        f"too many objects of kind {kind} were not Ready a moment ago: going on in"
        f" {format_duration(left)} (--storm-cooldown)",
        after=left,
    )


def is_unhealthy(stored: JsonObject) -> bool:
    """Whether an object is not Ready for another reason than that it waits."""
    status: dict[str, Any] = stored.get("status") or {}
    ready = conditions.find(status.get("conditions", ()), conditions.READY)
    if ready is None or ready["status"] == conditions.Status.TRUE:
        return False
    return ready["reason"] not in _WAITING or status.get("health") == "Degraded"
