"""Waits grow, and stay within their bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.controller import backoff


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(1, 0.75), (2, 1.5), (3, 3.0), (4, 6.0), (30, 900.0)],
)
def test_the_wait_doubles_up_to_its_longest(failures: int, expected: float) -> None:
    assert backoff.delay(failures, uniform=lambda: 0.5).total_seconds() == pytest.approx(expected)


@given(st.integers(-5, 10**6), st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_the_wait_stays_within_its_cap_and_jitter(failures: int, cap: int, chance: float) -> None:
    wait = backoff.delay(failures, cap=timedelta(seconds=cap), uniform=lambda: chance)

    assert timedelta(0) < wait <= timedelta(seconds=cap) * 1.2
