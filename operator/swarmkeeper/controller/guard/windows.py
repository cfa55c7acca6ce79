"""Actions are taken at declared times only, as in Argo CD's sync windows."""

from __future__ import annotations

from desired_state.windows import allowed, next_opening
from swarmkeeper.controller.guard.guard import Hold, Question

OUTSIDE_WINDOW = "OutsideWindow"


def windows(question: Question) -> Hold | None:
    """Holds inside a window that denies, and outside of those that allow where there are any.

    What is urgent is not held: to wait would do more harm.
    """
    declared, now = question.target.spec.windows, question.target.now
    if question.action.urgent or not declared:
        return None
    if allowed(declared, now, manual=question.by_hand):
        return None
    opening = next_opening(declared, now, manual=question.by_hand)
    if opening is None:
        return Hold(OUTSIDE_WINDOW, "spec.windows let nothing through at any time in sight")
    when = opening.strftime("%Y-%m-%d %H:%M UTC")
    return Hold(OUTSIDE_WINDOW, f"spec.windows let actions through from {when}", opening - now)
