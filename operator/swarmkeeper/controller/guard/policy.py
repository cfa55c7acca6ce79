"""What the operator's settings say on top of what each object declares."""

from __future__ import annotations

import re
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from swarmkeeper.runtime.plan import Risk

_SHARE: Final = re.compile(r"(\d+)(%?)")


@dataclass(frozen=True, slots=True)
class Share:
    """A number of objects, or a part of all: `3` or `20%`.

    Attributes:
        number: how many, or how many percent.
        percent: which of both.
    """

    number: int
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `3` or `20%`.

        Raises:
            ValueError: it is neither.
        """
        match = _SHARE.fullmatch(text)
        if match is None or (match[2] and int(match[1]) > 100):
            raise ValueError(f"{text!r} is neither a number nor a percentage: write 3 or 20%")
        return cls(int(match[1]), bool(match[2]))

    def of(self, total: int) -> float:
        """How many of a total that is."""
        return total * self.number / 100 if self.percent else self.number

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.number}%" if self.percent else str(self.number)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules for all objects.

    Attributes:
        approval_from: actions from this risk on need approval, whatever the object says; None: the
            object alone decides.
        max_actions: how many actions may be begun in one period on all objects together; None: any.
        per: the length of that period.
        max_unhealthy: how many objects of a kind may be not Ready before nothing risky is done to that
            kind; None: any.
        storm_cooldown: how long that goes on after there are fewer again.
        breaker_failures: useless actions in a row that open an object's breaker; 0: none do.
        breaker_cooldown: how long it stays open before one action is tried.
    """

    approval_from: Risk | None = None
    max_actions: int | None = None
    per: timedelta = timedelta(minutes=10)
    max_unhealthy: Share | None = None
    storm_cooldown: timedelta = timedelta(minutes=5)
    breaker_failures: int = 5
    breaker_cooldown: timedelta = timedelta(minutes=10)

    @property
    def lookback(self) -> timedelta:
        """How far back useless actions count as being in a row."""
        return max(timedelta(days=1), 2 * (self.breaker_failures + 1) * self.breaker_cooldown)

    def admission(self) -> AbstractContextManager[Any]:
        """What is held from the guard's yes to the intent, so that two can't use the same budget."""
        return threading.Lock() if self.max_actions is not None else nullcontext()
