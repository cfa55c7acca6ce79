"""People have said: leave it alone."""

from __future__ import annotations

from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.runtime import conditions


def suspended(question: Question) -> Hold | None:
    """Holds everything on an object with `suspend: true`."""
    if not question.target.spec.suspend:
        return None
    return Hold(conditions.SUSPENDED, "suspended by spec.suspend", on_purpose=True)
