"""Waiting for something to become true, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable

from swarmkeeper.sandbox.errors import NotReadyError


def wait_until(
    true: Callable[[], bool], *, timeout: float, what: str, interval: float = 0.02
) -> None:
    """Ask again and again until the answer is yes.

    Args:
        true: The question.
        timeout: Seconds to give it.
        what: What is waited for, for the error.
        interval: Seconds between two questions.

    Raises:
        NotReadyError: The time is up.
    """
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise NotReadyError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)
