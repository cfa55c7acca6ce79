"""The kinds as every command knows them: those that are kept, and the source itself."""

from __future__ import annotations

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.scheme import Scheme
from reconcilers.registry import RECONCILERS


def scheme() -> Scheme:
    """All kinds."""
    return Scheme([GIT_REPOSITORY, *(reconciler.kind for reconciler in RECONCILERS.values())])
