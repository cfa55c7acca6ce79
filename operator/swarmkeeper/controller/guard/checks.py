"""The chain, in the order of design.md §4."""

from __future__ import annotations

from typing import Final

from swarmkeeper.controller.guard.approval import approval
from swarmkeeper.controller.guard.breaker import breaker
from swarmkeeper.controller.guard.budgets import cluster_limits, limits, runbook_limits
from swarmkeeper.controller.guard.dependencies import dependencies
from swarmkeeper.controller.guard.guard import Check
from swarmkeeper.controller.guard.mode import mode
from swarmkeeper.controller.guard.suspended import suspended
from swarmkeeper.controller.guard.unhealthy import unhealthy
from swarmkeeper.controller.guard.windows import windows

_BUDGETS: Final[tuple[Check, ...]] = (limits, runbook_limits, cluster_limits, unhealthy)
CHECKS: Final[tuple[Check, ...]] = (
    suspended,
    mode,
    dependencies,
    windows,
    *_BUDGETS,
    approval,
    breaker,
)

ON_THE_WAY_OUT: Final[tuple[Check, ...]] = (suspended, windows, *_BUDGETS, approval, breaker)
"""What an object that is being deleted still waits for: people, windows, budgets, approval and breaker."""
