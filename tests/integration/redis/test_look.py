"""A look at a real stream: lengths, lags that the server tells wrong, pending entries, consumers."""

from __future__ import annotations

import pytest
from support.redis_server import Client

from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.runtime.streams import LagSource, Stream, StreamKey

pytestmark = pytest.mark.integration


def add(client: Client, count: int, first: int = 1) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(first, first + count):
            pipe.xadd("events", {"n": number}, id=f"{number}-0")
        pipe.execute()


def look(
    streams: RedisStreams, events: StreamKey, *, stuck_after: float = 60, at_most: int = 100_000
) -> Stream:
    return streams.look(events, keep=50, stuck_after=stuck_after, count_at_most=at_most)


def test_a_stream_that_is_not_there_is_not_an_empty_one(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    assert look(streams, events).exists is False

    client.xgroup_create("events", "workers", mkstream=True)
    found = look(streams, events)
    assert (found.exists, found.length, found.first) == (True, 0, None)
    assert [(group.name, group.lag) for group in found.groups] == [("workers", 0)]


def test_another_type_is_told(client: Client, streams: RedisStreams, events: StreamKey) -> None:
    client.lpush("events", "x")

    assert (look(streams, events).exists, look(streams, events).type) == (True, "list")


def test_a_group_is_behind_by_what_it_was_not_given_and_has_not_acknowledged(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 100)
    client.xgroup_create("events", "fast", id="0")
    client.xgroup_create("events", "slow", id="0")
    client.xreadgroup("fast", "f1", {"events": ">"}, count=100)
    client.xack("events", "fast", *[f"{number}-0" for number in range(1, 101) if number != 40])
    client.xreadgroup("slow", "s1", {"events": ">"}, count=30)

    found = look(streams, events)

    fast, slow = found.groups
    assert (fast.lag, fast.pending, fast.oldest_pending) == (0, 1, "40-0")
    assert (slow.lag, slow.pending, slow.oldest_pending) == (70, 30, "1-0")
    assert [(one.name, one.pending) for one in slow.consumers] == [("s1", 30)]
    assert (found.first, found.boundary) == ("1-0", "1-0")


def test_the_boundary_is_what_every_group_is_done_with(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 100)
    client.xgroup_create("events", "a", id="60-0")
    client.xgroup_create("events", "b", id="80-0")

    found = look(streams, events)
    assert (found.boundary, found.removable) == ("60-1", 50)  # 60 may go, 50 are too much


def test_a_lag_that_the_server_tells_wrong_after_a_trim_is_counted(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 1000)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=300)
    client.xtrim("events", maxlen=100, approximate=False)

    (group,) = look(streams, events).groups

    assert (group.lag, group.lag_source) == (100, LagSource.COMPUTED)


def test_a_lag_that_the_server_does_not_tell_is_counted(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 3000)
    client.xgroup_create("events", "workers", id="1200-0")
    client.xdel("events", "1500-0", "100-0")
    assert client.xinfo_groups("events")[0]["lag"] is None

    (group,) = look(streams, events).groups

    assert (group.lag, group.lag_source) == (1799, LagSource.COMPUTED)


@pytest.mark.parametrize(("read", "lag"), [("8900-0", 100), ("100-0", 8900)])
def test_entries_are_counted_from_the_nearer_end(
    client: Client, streams: RedisStreams, events: StreamKey, read: str, lag: int
) -> None:
    add(client, 9000)
    client.xgroup_create("events", "workers", id=read)

    (group,) = look(streams, events, at_most=2000).groups

    assert (group.lag, group.lag_source) == (lag, LagSource.COMPUTED)


def test_a_lag_that_would_take_too_long_to_count_is_unknown(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 9000)
    client.xgroup_create("events", "workers", id="4500-0")

    (group,) = look(streams, events, at_most=2000).groups

    assert (group.lag, group.lag_source) == (1000, LagSource.UNKNOWN)


def test_entries_that_nobody_acknowledges_are_stuck_after_a_while(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 3)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"})

    assert [group.stuck for group in look(streams, events, stuck_after=0).groups] == [1]
    assert [group.stuck for group in look(streams, events, stuck_after=3600).groups] == [0]


def test_names_that_are_no_text_are_shown_as_well_as_they_can_be(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    add(client, 1)
    client.xgroup_create("events", b"\xff\x00", id="0")
    client.xreadgroup(b"\xff\x00", b"c\xfe", {"events": ">"})

    (group,) = look(streams, events).groups

    assert group.pending == 1
    assert group.name.startswith("�")
