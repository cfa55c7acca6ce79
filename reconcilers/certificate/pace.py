"""When a CA may be asked again: its limits, what it said, and a backoff that ends before a certificate does.

Pure. The longest wait is a tenth of the time that is left, so no wait can outlive the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconcilers.certificate.memory import WEEK
from swarmkeeper.runtime.certificates import (
    ALREADY_REPLACED,
    INTERRUPTED,
    ORDER_GONE,
    ORDER_INVALID,
    Attempt,
)

PASSING: Final = frozenset(
    {
        *("CAUnreachable", "CATimeout", "SecretMissing", "NotWritten", "ResponderFailed"),
        *(INTERRUPTED, ORDER_GONE, ORDER_INVALID, ALREADY_REPLACED),
    }
)
"""Reasons that pass by themselves: the CA was not troubled, or not at fault."""
FORCED: Final = 3
"""Certificates in a week that people may ask for by hand: the rest is for those that end."""
_COUNTED: Final = frozenset({INTERRUPTED, ORDER_GONE, "CATimeout", "NotWritten"})
_SHORT: Final = (timedelta(seconds=5), timedelta(minutes=5))
_LONG: Final = (timedelta(hours=1), timedelta(hours=32))
_LEAST: Final = timedelta(minutes=15)  # Let's Encrypt bears five failures of a name in an hour


@dataclass(frozen=True, slots=True)
class Pause:
    """Why the CA is not asked now.

    Attributes:
        until: when it may be.
        reason: CamelCase.
        message: for people.
    """

    until: datetime
    reason: str
    message: str


def failures(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """The attempts since the last one that brought a certificate."""
    last = max((n for n, one in enumerate(attempts, 1) if one.serial), default=0)
    return attempts[last:]


def pause(
    attempts: tuple[Attempt, ...], now: datetime, ends: datetime | None, limit: int | None
) -> Pause | None:
    """Why to wait, or None.

    Args:
        attempts: of the last week, oldest first.
        now: time of the pass.
        ends: when the present certificate ends; None where there is none.
        limit: certificates for these names in a week; None where this one does not count.
    """
    found = [one for one in (_limited(attempts, limit), _backing_off(attempts, now, ends)) if one]
    later = max(found, key=lambda one: one.until, default=None)
    return later if later is not None and later.until > now else None


def spent(attempts: tuple[Attempt, ...]) -> list[Attempt]:
    """What has cost a certificate, or may have: the last attempt of each such order, oldest first."""
    orders: dict[str, Attempt] = {}
    for one in attempts:
        name = one.order or one.time.isoformat()
        if name not in orders or not orders[name].serial:
            orders[name] = one
    counted = [one for one in orders.values() if one.serial or one.reason in _COUNTED]
    return sorted(counted, key=lambda one: one.time)


def _limited(attempts: tuple[Attempt, ...], limit: int | None) -> Pause | None:
    issued = [one for one in spent(attempts) if not one.exempt]
    if limit is None or len(issued) < limit or any(one.open for one in attempts):
        return None
    message = (
        f"{len(issued)} certificates for these names within a week, at most {limit} are issued"
    )
    return Pause(issued[-limit].time + WEEK, "RateLimited", message)


def _backing_off(
    attempts: tuple[Attempt, ...], now: datetime, ends: datetime | None
) -> Pause | None:
    failed = failures(attempts)
    if not failed:
        return None
    last = failed[-1]
    until = last.time + _delay(failed, now, ends)
    if last.retry_after is not None:
        until = max(until, last.retry_after)
    times = f"{len(failed)} attempts failed, " if len(failed) > 1 else ""
    return Pause(
        until, last.reason, f"{last.message} ({times}the last at {last.time:%H:%M:%S} UTC)"
    )


def _delay(failed: tuple[Attempt, ...], now: datetime, ends: datetime | None) -> timedelta:
    passing = failed[-1].reason in PASSING
    first, longest = _SHORT if passing else _LONG
    doublings: int = 2 ** min(len(failed) - 1, 20)
    plain = min(first * doublings, longest)
    if passing or ends is None:
        return min(plain, timedelta(hours=1))
    return min(plain, max((ends - now) / 10, _LEAST))
