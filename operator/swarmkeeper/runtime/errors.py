"""Errors say what comes next: try again, wait for something, or ask a human.

    ReconcileError
    ├── Retry      transient: backoff, then again
    ├── Wait       a dependency, a window, an approval: not a failure
    ├── Stalled    needs a human: until the object's generation or an annotation changes
    └── UnderWay   begun, and takes longer than a pass may: the next pass asks for it again

An exception that is none of these counts as `Retry`, with a traceback and a metric.
"""

from __future__ import annotations

from datetime import timedelta


class ReconcileError(Exception):
    """Base: carries a CamelCase reason for the condition and a message for people.

    Args:
        message: what happened and what to do about it; never holds a secret's value.
        reason: CamelCase word for the condition.
    """

    default_reason = "ReconciliationFailed"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason


class Retry(ReconcileError):  # noqa: N818 - named after what comes next, as in the design
    """Transient: the next attempt may succeed by itself.

    Args:
        message: what happened.
        reason: CamelCase word for the condition.
        after: earliest next attempt; by default the object's backoff decides.
    """

    def __init__(self, message: str, *, reason: str = "", after: timedelta | None = None) -> None:
        super().__init__(message, reason=reason)
        self.after = after


class Wait(ReconcileError):  # noqa: N818 - see Retry
    """Not now, and that is no failure: something else must come first.

    Args:
        message: what is waited for.
        reason: CamelCase word for the condition.
        after: when to look again at the latest.
    """

    default_reason = "Waiting"

    def __init__(self, message: str, *, reason: str = "", after: timedelta) -> None:
        super().__init__(message, reason=reason)
        self.after = after


class Stalled(ReconcileError):  # noqa: N818 - see Retry
    """Trying again cannot help: a human must change the object or the world."""

    default_reason = "Stalled"


class UnderWay(ReconcileError):  # noqa: N818 - see Retry
    """The step has begun and goes on outside of the pass; asking for the same step again follows it.

    Its intent stays open in the audit trail until `act` returns, or raises something else.
    """

    default_reason = "Progressing"
