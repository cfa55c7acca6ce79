"""Times at which actions may be taken, or may not: Argo CD's sync windows, schema and precedence.

A window begins whenever its cron schedule fires, by the clock of its time zone, and lasts for its
duration in real time, also across a change to or from summer time. A schedule that fires in the hour
that summer time skips fires right after it; in the hour that comes twice it fires once, as in Debian's
cron.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from desired_state.declared import DeclaredModel
from desired_state.fields import Duration

_FIELDS: Final = 5
_ATTEMPTS: Final = 1000  # boundaries that are looked at before windows count as never open


def _schedule(value: str) -> str:
    """Refuses what cron does not take for a schedule."""
    if len(value.split()) != _FIELDS:
        raise ValueError(f"{value!r} is not a schedule: write five fields, e.g. 0 22 * * 1-5")
    try:
        CronSim(value, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"{value!r} is not a schedule: {error}") from error
    return value


def _time_zone(value: str) -> str:
    """Refuses a time zone that does not exist."""
    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        text = f"{value!r} is not a time zone: write it like UTC or America/Sao_Paulo"
        raise ValueError(text) from None
    return value


Schedule = Annotated[str, AfterValidator(_schedule)]
"""When something happens, as cron has it: minute, hour, day of month, month, day of week."""
TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""The name of a time zone, e.g. America/Sao_Paulo."""


class WindowKind(StrEnum):
    """What a window does while it is active."""

    ALLOW = "allow"
    """Actions may be taken; where there is such a window, only inside one."""
    DENY = "deny"
    """Actions may not be taken, whatever allows them."""


class Window(DeclaredModel):
    """A time that comes again and again, at which actions may be taken, or may not."""

    kind: WindowKind
    """allow or deny; deny wins where both are active."""
    schedule: Schedule
    """When it begins, as cron has it: minute, hour, day of month, month, day of week."""
    duration: Duration = Field(gt=timedelta(0))
    """How long it lasts."""
    time_zone: TimeZone = "UTC"
    """Whose clock the schedule goes by, e.g. America/Sao_Paulo."""
    manual: bool = False
    """Whether this window lets a runbook pass that people have asked for by hand."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock of the schedule."""
        return ZoneInfo(self.time_zone)

    def next_start(self, after: datetime) -> datetime | None:
        """The first beginning that is later than a time, in UTC; None where there is none."""
        for start in CronSim(self.schedule, after.astimezone(self.zone)):
            begins = start.astimezone(UTC)
            if begins > after:
                return begins
        return None

    def active_until(self, now: datetime) -> datetime | None:
        """When a window that is active ends, in UTC; None where it is not active."""
        begun = self.next_start(now - self.duration)
        return begun + self.duration if begun is not None and begun <= now else None


def allowed(windows: Sequence[Window], now: datetime, *, manual: bool = False) -> bool:
    """Whether an action may be taken at a time.

    Args:
        windows: all that are declared; none allows everything.
        now: timezone-aware.
        manual: people have asked for it by hand: windows that say `manual` do not keep it out.
    """
    return _obstacle(windows, now, manual=manual) is None


def next_opening(
    windows: Sequence[Window], now: datetime, *, manual: bool = False
) -> datetime | None:
    """The first time, from now on, at which an action may be taken; None where none is in sight."""
    time: datetime | None = now
    for _ in range(_ATTEMPTS):
        if time is None:
            return None
        obstacle = _obstacle(windows, time, manual=manual)
        if obstacle is None:
            return time
        time = _passed(obstacle, time)
    return None


def _obstacle(windows: Sequence[Window], now: datetime, *, manual: bool) -> Sequence[Window] | None:
    """The windows that keep an action out: all that deny now, or all that do not allow yet."""
    active = [window for window in windows if window.active_until(now) is not None]
    denying = [window for window in active if window.kind is WindowKind.DENY]
    if denying:
        return None if manual and all(window.manual for window in denying) else denying
    allowing = [window for window in windows if window.kind is WindowKind.ALLOW]
    if not allowing or any(window in active for window in allowing):
        return None
    return None if manual and all(window.manual for window in allowing) else allowing


def _passed(obstacle: Sequence[Window], now: datetime) -> datetime | None:
    """When an obstacle may be gone: denials have ended, or one that allows has begun."""
    if obstacle[0].kind is WindowKind.DENY:
        return max(end for window in obstacle if (end := window.active_until(now)) is not None)
    starts = [start for window in obstacle if (start := window.next_start(now)) is not None]
    return min(starts, default=None)
