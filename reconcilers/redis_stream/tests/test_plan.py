"""What is done about a stream, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from support.streams import VERSION, group, stream, target

from reconcilers.redis_stream import RECONCILER
from reconcilers.redis_stream.losses import rounded
from reconcilers.redis_stream.observe import Observed
from swarmkeeper.runtime.plan import Plan, Risk
from swarmkeeper.runtime.streams import Consumer, LagSource, Stream
from swarmkeeper.runtime.unknown import Unknown


def planned(stream: Stream, **spec: Any) -> Plan:
    return RECONCILER.plan(target(**spec), Observed(stream))


def steps(plan: Plan) -> list[str]:
    return [action.runbook for action in plan.actions]


@pytest.mark.parametrize(("length", "expected"), [(1000, []), (1100, []), (1101, ["trim"])])
def test_a_stream_is_trimmed_once_it_leaves_the_band(length: int, expected: list[str]) -> None:
    plan = planned(stream(length, group(), removable=900))

    assert (steps(plan), plan.in_sync) == (expected, not expected)


@pytest.mark.parametrize(("removable", "expected"), [(0, []), (1, []), (499, []), (500, ["trim"])])
def test_a_reader_that_lags_is_not_followed_entry_by_entry(
    removable: int, expected: list[str]
) -> None:
    now = stream(2000, group(lag=2000 - removable), removable=removable)

    assert steps(planned(now)) == expected


def test_what_no_group_is_done_with_is_not_trimmed() -> None:
    plan = planned(stream(2000, group(lag=2000), removable=0))

    assert steps(plan) == []
    assert [str(drift.path) for drift in plan.drift] == ["spec.maxLength"]


def test_always_trims_what_is_consumed_first_and_asks_before_it_drops_the_rest() -> None:
    policy = {"trim": {"policy": "Always"}}

    assert steps(planned(stream(5000, group(lag=3000), removable=2000), **policy)) == ["trim"]
    (drop,) = planned(stream(5000, group(lag=4321, pending=9), removable=0), **policy).actions

    assert (drop.runbook, drop.risk, drop.confirm) == ("drop", Risk.HIGH, True)
    assert drop.after == {"length": 1000, "lostAtMost": {"workers": 5000}}
    assert "3330 of workers" in drop.reason


def test_the_plan_of_a_drop_stands_still_while_it_waits_for_approval() -> None:
    def hash_of(length: int) -> str:
        now = stream(length, group(lag=length), removable=0)
        return planned(now, trim={"policy": "Always"}).hash("uid", 1)

    assert hash_of(3100) == hash_of(5900)  # 2,100 and 4,900: up to 5,000 would be lost
    assert hash_of(3100) != hash_of(6100)


def test_nobody_is_asked_where_nobody_loses_anything() -> None:
    (drop,) = planned(stream(5000), trim={"policy": "Always"}).actions

    assert (drop.runbook, drop.confirm) == ("drop", False)


def test_a_lag_that_is_not_known_counts_as_all() -> None:
    behind = group(lag=10, lag_source=LagSource.UNKNOWN)

    (drop,) = planned(stream(5000, behind, removable=0), trim={"policy": "Always"}).actions

    assert drop.after["lostAtMost"] == {"workers": 5000}


@pytest.mark.parametrize(
    ("number", "bound"), [(0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (4001, 5000)]
)
def test_bounds_are_rounded_up(number: int, bound: int) -> None:
    assert rounded({"g": number}) == {"g": bound}


def test_stuck_entries_go_to_the_consumer_that_asked_last_before_anything_is_trimmed() -> None:
    consumers = (Consumer("dead", 3, 4000), Consumer("busy", 1, 2), Consumer("slow", 0, 30))
    now = stream(2000, group(stuck=1, consumers=consumers, pending=4), removable=900)

    claim, trim = planned(now, claim={"minIdle": "1m"}).actions

    assert (claim.runbook, claim.parameters["consumer"], trim.runbook) == ("claim", "busy", "trim")
    assert steps(planned(now)) == ["trim"]


def test_without_a_consumer_that_works_nothing_is_claimed() -> None:
    dead = group(stuck=1, consumers=(Consumer("dead", 3, 4000),), pending=3)

    assert steps(planned(stream(10, dead), claim={"minIdle": "1m"})) == []
    named = planned(stream(10, dead), claim={"minIdle": "1m", "consumer": "other"})
    assert named.actions[0].parameters["consumer"] == "other"


def test_a_replica_is_not_written_to() -> None:
    plan = planned(stream(2000, group(), removable=900, replica_of="redis-0:6379"))

    assert steps(plan) == []
    assert plan.blocked is not None
    assert plan.blocked[0] == "ReadOnlyReplica"


def test_another_type_is_left_alone() -> None:
    plan = planned(Stream(VERSION, type="list"))

    assert plan.blocked == ("WrongType", "events is a list, no stream: it is left alone")


def test_what_can_not_be_read_is_unknown() -> None:
    plan = RECONCILER.plan(target(), Observed(Unknown("gone"), "ServerUnreachable"))

    assert plan == Plan(unknown=("gone",))
