"""What became, in one pass, of a step that people have asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from swarmkeeper.controller.guard import Hold
from swarmkeeper.runtime.errors import ReconcileError


@dataclass(slots=True)
class Asked:
    """The answer to a request, apart from what the object itself needs.

    Attributes:
        done: the step was taken, now or before an interruption.
        at: when that was known; None where it was not taken.
        outcome: the kind's own sentence on the result.
        hold: why it may not be taken now.
        error: why it failed this time.
        refusal: why it can never be taken.
        under_way: what goes on outside of the pass; empty where nothing does.
    """

    done: bool = False
    at: datetime | None = None
    outcome: str = ""
    hold: Hold | None = None
    error: ReconcileError | None = None
    refusal: str = ""
    under_way: str = ""
