"""How a pass ended, and when the next one is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Result(StrEnum):
    """How a pass ended, in controller-runtime's words."""

    SUCCESS = "success"
    ERROR = "error"
    REQUEUE_AFTER = "requeue_after"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes after a pass.

    Attributes:
        result: for metrics.
        after: when to look again by itself; None: not before something asks for it.
    """

    result: Result
    after: timedelta | None


GONE: Final = Outcome(Result.SUCCESS, None)
"""The object does not exist any more."""
