"""Drift may be corrected, or only reported."""

from __future__ import annotations

from desired_state.objects import Mode
from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.runtime import conditions


def mode(question: Question) -> Hold | None:
    """Holds everything unless the mode is Enforce."""
    current = question.target.spec.mode
    if current is Mode.ENFORCE:
        return None
    return Hold(
        conditions.DRIFT_DETECTED,
        f"drift is only reported: spec.mode is {current}",
        on_purpose=True,
    )
