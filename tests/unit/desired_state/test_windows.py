"""Windows: Argo CD's precedence, cron by the clock of a time zone, also across summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desired_state.objects import CommonSpec
from desired_state.validation import validate
from desired_state.windows import Window, allowed, next_opening


def window(kind: str, schedule: str, duration: str, **more: Any) -> Window:
    return Window.model_validate(
        {"kind": kind, "schedule": schedule, "duration": duration, **more}, by_alias=True
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = window("allow", "0 22 * * *", "2h")
FREEZE = window("deny", "0 23 * * *", "30m")


@pytest.mark.parametrize(
    ("windows", "time", "expected"),
    [
        pytest.param((), "2026-01-01T12:00", True, id="none allows everything"),
        pytest.param((NIGHT,), "2026-01-01T12:00", False, id="outside of what allows"),
        pytest.param((NIGHT,), "2026-01-01T22:00", True, id="its first moment"),
        pytest.param((NIGHT,), "2026-01-02T00:00", False, id="its end is outside"),
        pytest.param((NIGHT, FREEZE), "2026-01-01T23:10", False, id="deny beats allow"),
        pytest.param((NIGHT, FREEZE), "2026-01-01T23:30", True, id="after the denial"),
        pytest.param((FREEZE,), "2026-01-01T12:00", True, id="a denial that is not active"),
    ],
)
def test_deny_beats_allow_and_allow_excludes_the_rest(
    windows: tuple[Window, ...], time: str, expected: bool
) -> None:
    assert allowed(windows, at(time)) is expected


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        pytest.param((window("deny", "0 12 * * *", "1h", manual=True),), True, id="denied"),
        pytest.param((window("allow", "0 22 * * *", "1h", manual=True),), True, id="not allowed"),
        pytest.param((NIGHT, window("allow", "0 3 * * *", "1h", manual=True)), False, id="not all"),
        pytest.param(
            (window("deny", "0 12 * * *", "1h", manual=True), window("deny", "0 12 * * *", "1h")),
            False,
            id="one denial does not say so",
        ),
    ],
)
def test_what_is_asked_for_by_hand_passes_where_every_obstacle_says_so(
    windows: tuple[Window, ...], expected: bool
) -> None:
    noon = at("2026-01-01T12:00")

    assert allowed(windows, noon) is False
    assert allowed(windows, noon, manual=True) is expected


def test_the_next_opening_is_after_denials_and_inside_what_allows() -> None:
    early = window("deny", "0 22 * * *", "30m")

    assert next_opening((NIGHT, early), at("2026-01-01T12:00")) == at("2026-01-01T22:30")
    assert next_opening((NIGHT,), at("2026-01-01T22:05")) == at("2026-01-01T22:05")
    always = window("deny", "0 * * * *", "2h")
    assert next_opening((always,), at("2026-01-01T12:00")) is None


@pytest.mark.parametrize(
    ("schedule", "begins"),
    [
        pytest.param("30 2 29 3 *", "2026-03-29T01:00", id="the hour that is skipped: right after"),
        pytest.param("30 2 25 10 *", "2026-10-25T00:30", id="the hour that comes twice: once"),
        pytest.param("0 12 29 3 *", "2026-03-29T10:00", id="summer time"),
        pytest.param("0 12 26 10 *", "2026-10-26T11:00", id="winter time"),
    ],
)
def test_a_schedule_goes_by_the_clock_of_its_time_zone(schedule: str, begins: str) -> None:
    berlin = window("allow", schedule, "1h", timeZone="Europe/Berlin")
    start = at(begins)

    assert not allowed((berlin,), start - timedelta(seconds=1))
    assert allowed((berlin,), start)
    assert allowed((berlin,), start + timedelta(minutes=59))
    assert not allowed((berlin,), start + timedelta(minutes=60))


def test_a_duration_is_real_time_across_a_change_of_the_clock() -> None:
    night = window("deny", "0 1 * * *", "3h", timeZone="Europe/Berlin")

    assert night.active_until(at("2026-03-29T00:30")) == at("2026-03-29T03:00")
    assert night.active_until(at("2026-10-25T01:30")) == at("2026-10-25T02:00")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            window,
            st.sampled_from(["allow", "deny"]),
            st.sampled_from(
                ["0 22 * * *", "30 2 * * *", "*/20 * * * *", "0 3 * * 6,0", "5 1 1 * *"]
            ),
            st.sampled_from(["7m", "1h", "5h30m", "26h"]),
            timeZone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
        ),
        max_size=4,
    ),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30)),  # noqa: DTZ001 - made aware below
)
def test_an_opening_is_open_and_nothing_before_it_is(
    windows: list[Window], naive: datetime
) -> None:
    now = naive.replace(tzinfo=UTC, microsecond=0)
    opening = next_opening(windows, now)
    if opening is None:
        return
    assert allowed(windows, opening)
    length = opening - now
    assert not any(allowed(windows, now + length * part / 16) for part in range(16) if length)


def test_what_is_wrong_is_told_with_its_field() -> None:
    wrong = {"kind": "alow", "schedule": "0 25 * * *", "duration": "0s", "timeZone": "Mars"}
    _, violations = validate(CommonSpec, {"windows": [wrong]})

    assert {violation.path[-1] for violation in violations} == set(wrong)
    messages = " ".join(violation.message for violation in violations)
    assert "'Mars' is not a time zone: write it like UTC or America/Sao_Paulo" in messages
    _, violations = validate(CommonSpec, {"windows": [{**wrong, "schedule": "@daily"}]})
    assert "write five fields" in " ".join(violation.message for violation in violations)
