"""What is done about a certificate, and when."""

from __future__ import annotations

from typing import Any

import pytest
from support.certificates import FILES, facts, observed, target

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.observe import Observed
from swarmkeeper.runtime.certificates import Stored
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.unknown import Unknown

OLD, NEW = facts("old", left=20), facts("new", left=90)
NONE = Stored(problem="DoesNotExist", message="none")


def planned(brought: Stored, published: Stored, **spec: Any) -> Plan:
    seen = observed(OLD, published=published, brought=brought)
    return RECONCILER.plan(target(**{**FILES, **spec}), seen)


def steps(plan: Plan) -> list[str]:
    return [action.runbook for action in plan.actions]


def test_a_new_certificate_is_published() -> None:
    plan = planned(Stored(NEW), Stored(OLD))

    assert steps(plan) == ["publish"]
    (drift,) = plan.drift
    assert (drift.want, drift.got) == ("new", "old")


def test_the_first_one_is_published_too() -> None:
    assert steps(planned(Stored(NEW), NONE)) == ["publish"]


def test_nothing_is_done_once_it_is_published() -> None:
    assert planned(Stored(NEW), Stored(NEW)).in_sync


def test_one_that_is_due_is_still_better_than_none() -> None:
    assert steps(planned(Stored(facts("new", left=1)), NONE)) == ["publish"]


@pytest.mark.parametrize(
    "brought",
    [
        Stored(problem="InvalidKeyPair", message="x"),
        Stored(facts("new", left=-1)),
        Stored(facts("new", left=91)),
        Stored(facts("new", names=("other.test",))),
        Stored(facts("new", distrust="self-signed")),
    ],
    ids=["key", "expired", "not yet valid", "names", "issuer"],
)
def test_one_that_servers_can_not_show_is_not_published(brought: Stored) -> None:
    assert steps(planned(brought, Stored(OLD))) == []


def test_a_certificate_that_is_only_watched_is_left_alone() -> None:
    assert RECONCILER.plan(target(), observed(facts(left=-1))).in_sync


def test_nothing_is_done_while_nothing_is_known() -> None:
    plan = RECONCILER.plan(target(**FILES), Observed(Unknown("no CA"), reason="SecretMissing"))

    assert (plan.actions, plan.unknown) == ((), ("no CA",))


@pytest.mark.parametrize(
    ("days", "schedule", "expected"),
    [
        (20, "0 3 * * *", False),
        (0.5, "0 3 * * *", True),  # 12 hours are left, it opens in 15
        (0.65, "0 3 * * *", True),  # it opens 36 minutes before the end: too late
        (20, "0 3 29 2 *", True),  # in years
    ],
    ids=["in time", "after its end", "just before its end", "in years"],
)
def test_a_window_that_opens_too_late_is_not_waited_for(
    days: float, schedule: str, expected: bool
) -> None:
    window = {"kind": "allow", "schedule": schedule, "duration": "2h"}

    (action,) = planned(Stored(NEW), Stored(facts("old", left=days)), windows=[window]).actions

    assert action.urgent is expected
