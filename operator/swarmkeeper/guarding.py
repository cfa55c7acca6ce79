"""From the operator's settings to the rules that the guard holds to for all objects."""

from __future__ import annotations

from swarmkeeper.controller.guard import Policy, Share
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.settings import ApprovalLevel, Settings


def policy_of(settings: Settings) -> Policy:
    """The rules for all objects."""
    level, most = settings.approval_from, settings.max_unhealthy
    return Policy(
        approval_from=None if level is ApprovalLevel.NEVER else Risk[level.name],
        max_actions=settings.max_actions or None,
        per=settings.max_actions_per,
        max_unhealthy=Share.parse(most) if most else None,
        storm_cooldown=settings.storm_cooldown,
        breaker_failures=settings.breaker_failures,
        breaker_cooldown=settings.breaker_cooldown,
    )
