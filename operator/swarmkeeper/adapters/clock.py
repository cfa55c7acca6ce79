"""This machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The time of day as this machine has it."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)
