"""Trimming a real stream: nothing that some group is not done with is ever lost, and none of it by chance."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.redis_server import Client, RedisServer

from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.streams import StreamError, StreamKey, StreamServer, Trim

pytestmark = pytest.mark.integration

GROUPS = ("a", "b", "c")
# What readers and writers do: add, read, acknowledge, delete, begin a group anew, trim by hand.
STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 60)),
    st.tuples(st.just("group"), st.sampled_from(GROUPS), st.sampled_from(["0", "$", "7-0"])),
    st.tuples(st.just("read"), st.sampled_from(GROUPS), st.integers(1, 40)),
    st.tuples(st.just("ack"), st.sampled_from(GROUPS), st.integers(1, 30), st.booleans()),
    st.tuples(st.just("delete"), st.integers(1, 200)),
    st.tuples(st.just("destroy"), st.sampled_from(GROUPS)),
    st.tuples(st.just("rewind"), st.sampled_from(GROUPS), st.integers(0, 200)),
    st.tuples(st.just("trim"), st.integers(1, 50), st.sampled_from([1, 7, 1000])),
)


class World:
    """A stream with readers, and what each of them still has to do, as Redis' own commands tell it."""

    def __init__(self, client: Client, streams: RedisStreams, events: StreamKey) -> None:
        self.client, self.streams, self.events = client, streams, events
        self.added = 0

    def do(self, step: tuple[object, ...]) -> None:
        name, *arguments = step
        getattr(self, str(name))(*arguments)

    def add(self, count: int) -> None:
        for _ in range(count):
            self.added += 1
            self.client.xadd("events", {"n": self.added}, id=f"{self.added}-0")

    def group(self, name: str, start: str) -> None:
        if not self._has(name):
            self.client.xgroup_create("events", name, id=start, mkstream=True)

    def read(self, name: str, count: int) -> None:
        if self._has(name):
            self.client.xreadgroup(name, "reader", {"events": ">"}, count=count)

    def ack(self, name: str, count: int, newest_first: bool) -> None:
        if self._has(name):
            pending = list(self.client.xpending_range("events", name, "-", "+", 1000))
            for entry in pending[::-1][:count] if newest_first else pending[:count]:
                self.client.xack("events", name, entry["message_id"])

    def delete(self, number: int) -> None:
        self.client.xdel("events", f"{number}-0")

    def destroy(self, name: str) -> None:
        self.client.xgroup_destroy("events", name)

    def rewind(self, name: str, number: int) -> None:
        if self._has(name):
            self.client.xgroup_setid("events", name, f"{number}-0")

    def trim(self, keep: int, batch: int) -> None:
        before, undone = self.ids(), self.undone()
        done = self.streams.trim_consumed(self.events, Trim(keep, batch))
        after = self.ids()

        assert not undone & (before - after), "an entry that somebody has to deal with was removed"
        assert len(before - after) == done.removed
        assert len(after) == done.length >= min(keep, len(before))
        assert after == set(sorted(before)[len(before) - len(after) :]), "only the oldest go"
        if len(after) > keep:
            assert done.held
            assert not self._has_any() or min(after) in undone, "what could go is still there"

    def ids(self) -> set[int]:
        return {int(id_.split(b"-")[0]) for id_, _ in self.client.xrange("events")}

    def undone(self) -> set[int]:
        """Entries that some group has not been given, or has not acknowledged."""
        if not self.client.exists("events"):
            return set()
        found: set[int] = set()
        for group in self.client.xinfo_groups("events"):
            last = int(group["last-delivered-id"].split(b"-")[0])
            found |= {number for number in self.ids() if number > last}
            pending = self.client.xpending_range("events", group["name"], "-", "+", 1000)
            found |= {int(entry["message_id"].split(b"-")[0]) for entry in pending} & self.ids()
        return found

    def _has_any(self) -> bool:
        return bool(self.client.xinfo_groups("events"))

    def _has(self, name: str) -> bool:
        if not self.client.exists("events"):
            return False
        return name.encode() in {group["name"] for group in self.client.xinfo_groups("events")}


@given(steps=st.lists(STEPS, min_size=1, max_size=25))
@settings(max_examples=150)
def test_nothing_that_a_group_is_not_done_with_is_removed(
    steps: list[tuple[object, ...]],
    small_nodes: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    streams = RedisStreams(SecretFolder(folder, lambda _: None), folder / "exports")
    with small_nodes.client() as client:
        client.flushall()
        world = World(client, streams, StreamKey(StreamServer(small_nodes.url), "events"))
        for step in [("add", 20), *steps, ("trim", 5, 100)]:
            world.do(step)
    streams.close()


@pytest.fixture(scope="module")
def small_nodes(server: RedisServer) -> RedisServer:
    """The server, with nodes so small that whole ones can be trimmed away."""
    with server.client() as client:
        client.config_set("stream-node-max-entries", 8)
    return server


def fill(client: Client, count: int) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(1, count + 1):
            pipe.xadd("events", {"n": number}, id=f"{number}-0")
        pipe.execute()


def noting(asked: list[Mapping[str, int]]) -> Callable[[Mapping[str, int]], bool]:
    """Allows everything, and notes what was asked."""

    def allowed(lost: Mapping[str, int]) -> bool:
        asked.append(lost)
        return True

    return allowed


def test_a_long_stream_is_trimmed_exactly_to_what_is_wanted(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    fill(client, 5000)
    client.xgroup_create("events", "workers", id="5000-0")

    done = streams.trim_consumed(events, Trim(keep=1234, batch=500))

    assert (done.removed, done.length, done.held) == (3766, 1234, False)
    assert client.xrange("events", count=1)[0][0] == b"3767-0"


def test_what_is_unread_stays_however_long_the_stream_is(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    fill(client, 1000)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=300)
    client.xack("events", "workers", *[f"{number}-0" for number in range(1, 251)])

    done = streams.trim_consumed(events, Trim(keep=100, batch=1000))

    assert (done.removed, done.length, done.held) == (250, 750, True)


def test_without_a_group_nothing_counts_as_consumed(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    fill(client, 1000)

    done = streams.trim_consumed(events, Trim(keep=100, batch=1000))

    assert (done.removed, done.length, done.held) == (0, 1000, True)


def test_ids_of_64_bits_are_compared_right(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    high = 2**63
    for number in range(20):
        client.xadd("events", {"n": number}, id=f"{high + number}-{2**63 + number}")
    client.xgroup_create("events", "workers", id=f"{high + 11}-{2**63 + 11}")

    done = streams.trim_consumed(events, Trim(keep=1, batch=1000))

    assert (done.removed, done.length, done.held) == (12, 8, True)


def test_dropping_writes_down_what_goes_and_removes_just_that(
    client: Client, streams: RedisStreams, events: StreamKey, tmp_path: Path
) -> None:
    fill(client, 100)
    client.xadd("events", {b"raw": b"\xff\x00"}, id="101-0")
    client.execute_command("XADD", "events", "102-0", "twice", "1", "twice", "2")
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=30)
    asked: list[Mapping[str, int]] = []

    done = streams.trim_always(events, Trim(keep=1, batch=10), export="e1", allowed=noting(asked))

    assert (done.removed, done.length) == (101, 1)
    assert asked == [{"workers": 101}]
    file = Path(done.export)
    assert file == tmp_path / "exports" / "e1.jsonl.gz"
    assert file.stat().st_mode & 0o777 == 0o600
    entries = [orjson.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [entry["id"] for entry in entries] == [f"{number}-0" for number in range(1, 102)]
    assert entries[0]["fields"] == [["n", "1"]]
    assert entries[-1]["fields"] == [["raw", {"base64": "/wA="}]]


def test_a_field_that_is_there_twice_is_written_twice(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    client.execute_command("XADD", "events", "1-0", "twice", "1", "twice", "2")
    client.xadd("events", {"n": 1}, id="2-0")

    done = streams.trim_always(events, Trim(1, 10), export="e1", allowed=lambda _: True)

    (line,) = gzip.decompress(Path(done.export).read_bytes()).splitlines()
    assert orjson.loads(line)["fields"] == [["twice", "1"], ["twice", "2"]]


def test_what_costs_more_than_was_allowed_is_not_dropped(
    client: Client, streams: RedisStreams, events: StreamKey, tmp_path: Path
) -> None:
    fill(client, 100)
    client.xgroup_create("events", "workers", id="0")

    done = streams.trim_always(events, Trim(10, 10), export="e1", allowed=lambda _: False)

    assert (done.removed, done.length, done.export) == (0, 100, "")
    assert list((tmp_path / "exports").iterdir()) == []


def test_what_was_trimmed_away_is_no_loss_any_more(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    fill(client, 100)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=50)
    client.xtrim("events", maxlen=60, approximate=False)  # 40 pending entries are gone
    asked: list[Mapping[str, int]] = []

    streams.trim_always(events, Trim(20, 10), export="e1", allowed=noting(asked))

    assert asked == [{"workers": 40}]  # 10 pending ones and 30 that were never read


def test_references_need_a_server_that_knows_them(
    client: Client, streams: RedisStreams, events: StreamKey, version: tuple[int, ...]
) -> None:
    if version >= (8, 2):
        pytest.skip("this one does")
    fill(client, 100)

    with pytest.raises(
        StreamError, match=r"references: ACKED needs Redis 8\.2, the server is 7"
    ) as e:
        streams.trim_consumed(events, Trim(1, 10, "ACKED"))

    assert e.value.reason == "ServerTooOld"
    assert client.xlen("events") == 100


@pytest.mark.parametrize("case", [("", 50), ("KEEPREF", 50), ("DELREF", 5)])
def test_references_to_dropped_entries_stay_or_go(
    client: Client,
    streams: RedisStreams,
    events: StreamKey,
    version: tuple[int, ...],
    case: tuple[str, int],
) -> None:
    if version < (8, 2):
        pytest.skip("this one does not know them")
    references, pending = case
    fill(client, 100)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=50)

    how = Trim(55, 10, references)
    done = streams.trim_always(events, how, export="e1", allowed=lambda _: True)

    assert (done.length, client.xlen("events")) == (55, 55)
    assert client.xpending("events", "workers")["pending"] == pending


@pytest.mark.parametrize("references", ["KEEPREF", "DELREF", "ACKED"])
def test_what_is_not_consumed_stays_whatever_becomes_of_references(
    client: Client,
    streams: RedisStreams,
    events: StreamKey,
    version: tuple[int, ...],
    references: str,
) -> None:
    if version < (8, 2):
        pytest.skip("this one does not know them")
    fill(client, 100)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "w", {"events": ">"}, count=50)
    client.xack("events", "workers", *(f"{number}-0" for number in range(1, 31)))

    done = streams.trim_consumed(events, Trim(10, 10, references))

    assert (done.removed, done.length, done.held) == (30, 70, True)
    assert client.xpending("events", "workers")["pending"] == 20


def test_stuck_entries_go_to_another_consumer_and_those_that_are_gone_are_forgotten(
    client: Client, streams: RedisStreams, events: StreamKey
) -> None:
    fill(client, 300)
    client.xgroup_create("events", "workers", id="0")
    client.xreadgroup("workers", "dead", {"events": ">"}, count=250)
    client.xdel("events", "1-0", "2-0")

    done = streams.claim(events, "workers", "alive", idle=0)

    assert (done.entries, done.vanished) == (248, 2)
    assert client.xpending("events", "workers")["consumers"] == [{"name": b"alive", "pending": 248}]
    assert streams.claim(events, "workers", "alive", idle=3600).entries == 0
