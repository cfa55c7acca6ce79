"""What a look at a stream says about it."""

from __future__ import annotations

from typing import Any

import pytest
from support.streams import group, stream, target

from reconcilers.redis_stream import RECONCILER
from reconcilers.redis_stream.observe import Observed
from swarmkeeper.runtime.reconciler import Verification
from swarmkeeper.runtime.streams import Consumer, Group, LagSource, Stream
from swarmkeeper.runtime.unknown import Unknown

BEHIND: dict[str, Any] = {"lag": 900, "pending": 5}


def verified(found: Stream, **spec: Any) -> Verification:
    return RECONCILER.verify(target(**spec), Observed(found))


def conditions(found: Verification) -> dict[str, tuple[str, str]]:
    return {one.type: (str(one.status), one.reason) for one in found.conditions}


def test_a_stream_within_its_length_that_is_read_is_well() -> None:
    found = verified(stream(500, group(lag=3, pending=2), removable=4000), maxLag=10)

    assert conditions(found) == {
        "WithinLength": ("True", "WithinLength"),
        "Consumed": ("True", "Consumed"),
    }
    assert (found.healthy, found.failure) == (True, None)
    assert found.message == "500 of 1000 entries; workers: 3 unread, 2 pending"
    assert found.fields["lag"] == "3"


def test_a_stream_that_is_about_to_be_trimmed_has_not_failed() -> None:
    found = verified(stream(5000, group(), removable=4000))

    assert conditions(found)["WithinLength"] == ("False", "TooLong")
    assert found.failure is None


def test_readers_that_hold_up_the_trim_are_named() -> None:
    slow = group("slow", lag=4000, pending=7)
    found = verified(stream(5000, group("fast"), slow, removable=0))

    assert found.failure is not None
    assert found.failure[0] == "ConsumersBehind"
    assert "slow has 4007 entries to do" in found.failure[1]


def test_without_a_group_nothing_counts_as_consumed() -> None:
    assert conditions(verified(stream(5000)))["WithinLength"] == ("False", "NoGroups")


@pytest.mark.parametrize(
    ("found", "spec", "reason"),
    [
        (group(), {"groups": ["others"]}, "GroupMissing"),
        (group(**BEHIND), {"maxLag": 899}, "LagTooHigh"),
        (group(**BEHIND), {"maxPending": 4}, "PendingTooMany"),
        (group(**BEHIND, stuck=1), {"maxPendingAge": "10m"}, "PendingTooOld"),
        (group(**BEHIND, stuck=1), {"claim": {}}, "NoActiveConsumer"),
        (group(**BEHIND), {"maxConsumerIdle": "1m"}, "ConsumersIdle"),
        (
            group(**BEHIND, consumers=(Consumer("c", 5, 61),)),
            {"maxConsumerIdle": "1m"},
            "ConsumersIdle",
        ),
    ],
)
def test_each_way_of_being_behind_has_its_reason(
    found: Group, spec: dict[str, Any], reason: str
) -> None:
    judged = verified(stream(950, found, removable=0), **spec)

    assert conditions(judged)["Consumed"] == ("False", reason)
    assert (judged.healthy, judged.failure and judged.failure[0]) == (False, reason)


def test_idle_consumers_with_nothing_to_do_are_no_failure() -> None:
    idle = group(consumers=(Consumer("c", 0, 4000),))

    assert verified(stream(10, idle), maxConsumerIdle="1m").healthy is True
    assert verified(stream(10, idle), maxConsumerIdle="1m").fields["groups"][0]["idleConsumers"]


def test_a_lag_that_is_not_known_is_neither_zero_nor_green() -> None:
    unknown = group(lag=1000, lag_source=LagSource.UNKNOWN)
    found = verified(stream(1000, unknown), maxLag=5000)

    assert conditions(found)["Consumed"] == ("Unknown", "LagUnknown")
    assert found.healthy is None
    assert found.fields["lag"] == ">1000"
    assert "lag" not in found.fields["groups"][0]
    assert {figure.name.rpartition("_")[2] for figure in found.figures} == {
        "length",
        "entries",
        "consumers",
    }
    assert verified(stream(1000, unknown), maxLag=999).healthy is False


@pytest.mark.parametrize("reason", ["StreamMissing", "WrongType"])
def test_what_is_no_stream_is_not_well(reason: str) -> None:
    missing = Stream((7,), exists=False, type="none")
    found = verified(missing if reason == "StreamMissing" else Stream((7,), type="list"))

    assert set(conditions(found).values()) == {("False", reason)}
    assert found.failure is not None


def test_a_server_that_can_not_be_asked_is_unknown_with_its_reason() -> None:
    found = RECONCILER.verify(target(), Observed(Unknown("refused"), "AuthenticationFailed"))

    assert set(conditions(found).values()) == {("Unknown", "AuthenticationFailed")}
    assert (found.healthy, found.failure) == (None, None)
