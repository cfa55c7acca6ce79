"""The kinds as every command knows them: those that are kept, the source itself, and runs of runbooks."""

from __future__ import annotations

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.runbook_run import RUNBOOK_RUN
from desired_state.scheme import Scheme
from reconcilers.registry import RECONCILERS


def scheme() -> Scheme:
    """All kinds."""
    kept = (reconciler.kind for reconciler in RECONCILERS.values())
    return Scheme([GIT_REPOSITORY, RUNBOOK_RUN, *kept])
