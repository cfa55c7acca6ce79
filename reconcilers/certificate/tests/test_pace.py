"""When a CA may be asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.certificates import DAY, facts, observed, target

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.memory import recalled, remembered
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import pause
from swarmkeeper.runtime.certificates import Attempt, Stored
from swarmkeeper.testing.clock import START

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ACME: dict[str, Any] = {"issuer": {"acme": {}}, "publish": {}}


def issued(ago: timedelta) -> Attempt:
    return Attempt(START - ago, "k", serial="1a")


def failed(reason: str, ago: timedelta = timedelta(0), **more: timedelta) -> Attempt:
    after = more.get("retry_in")
    return Attempt(
        START - ago, "k", "", reason, "told", retry_after=START + after if after else None
    )


def waits(*attempts: Attempt, left: timedelta = 30 * DAY, limit: int = 5) -> timedelta | None:
    found = pause(attempts, START, START + left, limit)
    return found.until - START if found else None


def test_a_ca_that_was_never_asked_is_asked() -> None:
    assert waits() is None


@pytest.mark.parametrize(("number", "seconds"), [(1, 5), (2, 10), (3, 20), (10, 300), (1000, 300)])
def test_what_passes_by_itself_is_tried_soon(number: int, seconds: int) -> None:
    attempts = [failed("CAUnreachable") for _ in range(number)]

    assert waits(*attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("number", "left", "expected"),
    [
        (1, 30 * DAY, HOUR),
        (3, 30 * DAY, 4 * HOUR),
        (9, 30 * DAY, 32 * HOUR),
        (9, 10 * DAY, 24 * HOUR),
        (9, 5 * HOUR, 30 * MINUTE),
        (9, MINUTE, 15 * MINUTE),
        (9, -DAY, 15 * MINUTE),
    ],
)
def test_what_does_not_is_tried_less_and_less_but_before_the_end(
    number: int, left: timedelta, expected: timedelta
) -> None:
    assert waits(*[failed("ChallengeFailed")] * number, left=left) == expected


def test_a_certificate_that_came_ends_the_backoff() -> None:
    assert waits(failed("ChallengeFailed", HOUR), issued(MINUTE)) is None


def test_the_time_that_the_ca_has_named_counts() -> None:
    assert waits(failed("RateLimited", retry_in=40 * HOUR), left=HOUR) == 40 * HOUR


def test_the_limit_of_a_week_counts_what_may_have_been_issued() -> None:
    five = [issued(6 * DAY), issued(5 * DAY), failed("Interrupted", 4 * DAY)]
    five += [issued(3 * DAY), issued(2 * DAY)]

    assert waits(*five) == DAY
    assert waits(*five, limit=6) is None
    assert waits(*five, failed("ChallengeFailed"), limit=3) == 3 * DAY


def test_a_pause_is_shown_and_nothing_is_ordered_in_it() -> None:
    seen = observed(facts(left=1), published=Stored(facts(left=1)))
    held = Observed(seen.served, seen.published, None, (failed("ChallengeFailed", MINUTE),))

    assert RECONCILER.plan(target(**ACME), held).actions == ()
    verified = RECONCILER.verify(target(**{**ACME, "interval": "24h"}), held)

    assert verified.failure is not None
    assert verified.failure[0] == "ChallengeFailed"
    assert verified.fields["nextIssuanceTime"] == "2026-03-01T12:59:00Z"
    assert verified.recheck == 59 * MINUTE


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (Stored(problem="DoesNotExist", message="none"), "DoesNotExist"),
        (Stored(problem="InvalidKeyPair", message="x"), "InvalidKeyPair"),
        (Stored(facts(left=20)), "Expiring"),
        (Stored(facts(left=-1)), "Expired"),
        (Stored(facts(names=("other.test",))), "NameMismatch"),
        (Stored(facts(left=60)), None),
        (Stored(facts(distrust="another CA")), None),
        (Stored(facts(left=91)), None),
    ],
)
def test_when_a_certificate_is_ordered(published: Stored, reason: str | None) -> None:
    plan = RECONCILER.plan(target(**ACME), observed("refused", published=published))

    assert [one.reason.partition(":")[0] for one in plan.actions] == ([reason] if reason else [])


def test_what_is_remembered_is_recalled_for_the_same_names_only() -> None:
    attempts = (issued(DAY), failed("RateLimited", HOUR, retry_in=DAY))
    memory = remembered(target(**ACME), attempts)

    def recall(**spec: object) -> tuple[Attempt, ...]:
        return recalled(replace(target(**{**ACME, **spec}), memory=memory), attempts[:1])

    assert recall() == attempts
    assert recall(dnsNames=["b.test"]) == attempts[:1]


def test_what_is_older_than_a_week_is_forgotten() -> None:
    assert recalled(target(**ACME), [issued(8 * DAY)]) == ()
