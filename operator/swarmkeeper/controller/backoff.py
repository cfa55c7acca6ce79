"""Backoff: how long to wait after the n-th failure in a row. Exponential, capped, with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

FIRST: Final = timedelta(milliseconds=750)
FACTOR: Final = 2
LONGEST: Final = timedelta(minutes=15)
JITTER: Final = 0.2


def delay(
    failures: int, *, cap: timedelta = LONGEST, uniform: Callable[[], float] = random.random
) -> timedelta:
    """Wait after a failure: 750 ms doubled each time (Flux's defaults), at most `cap`, ± 20 %.

    Args:
        failures: failures in a row, at least 1.
        cap: longest wait.
        uniform: random number in [0, 1); replaced in tests.
    """
    doublings: int = min(max(failures, 1) - 1, 32)
    plain: timedelta = min(FIRST * FACTOR**doublings, LONGEST, cap)
    factor: float = 1 - JITTER + 2 * JITTER * uniform()
    return plain * factor


def spread(interval: timedelta, *, uniform: Callable[[], float] = random.random) -> timedelta:
    """An interval with ± 5 % jitter, so that objects do not march in step."""
    return interval * (0.95 + 0.1 * uniform())
