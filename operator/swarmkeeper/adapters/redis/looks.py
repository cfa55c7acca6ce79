"""Reads a stream, its groups and their consumers: few round trips, nothing of the entries' content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from swarmkeeper.adapters.redis.ids import after, parts
from swarmkeeper.adapters.redis.lag import Known, counted, lag_of
from swarmkeeper.runtime.streams import Consumer, Group, LagSource, Stream, StreamError

_OLDEST = (6, 2)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for; see `Streams.look`."""

    key: str
    keep: int
    stuck_after: float
    count_at_most: int


def look(client: Any, asked: Asked) -> Stream:
    """The stream as it is; see `Streams.look`."""
    key = asked.key
    version, replica_of = about_server(client, key)
    if version < _OLDEST:
        raise StreamError("ServerTooOld", f"Redis {shown(version)} is too old: 6.2 is needed")
    type_ = client.type(key).decode()
    if type_ != "stream":
        return Stream(version, replica_of, exists=type_ != "none", type=type_)
    info = client.xinfo_stream(key)
    ends = _ends(info)
    groups = []
    for found in client.xinfo_groups(key):
        last_delivered = found["last-delivered-id"].decode()
        known = Known(key, last_delivered, found.get("lag"), version, info["length"], ends)
        lag = lag_of(client, known, at_most=asked.count_at_most)
        groups.append(_group(client, key, found, asked.stuck_after, lag))
    below = boundary(groups)
    return Stream(
        version,
        replica_of,
        length=info["length"],
        first=ends[0] if ends else None,
        boundary=below,
        removable=_removable(client, key, info["length"] - asked.keep, below),
        groups=tuple(sorted(groups, key=lambda group: group.name)),
    )


def boundary(groups: Iterable[Group]) -> str | None:
    """The id below which every group is done with everything; None without a group."""
    ids = [group.oldest_pending or after(group.last_delivered) for group in groups]
    return min(ids, key=parts, default=None)


def _removable(client: Any, key: str, excess: int, below: str | None) -> int:
    """Entries below an id, of the oldest so many."""
    return counted(client, key, f"({below}", excess) if below and excess > 0 else 0


def about_server(client: Any, key: str) -> tuple[tuple[int, ...], str]:
    """Version, and `host:port` of its primary where it is a replica."""
    info = _info(client, key, "server")
    replication = _info(client, key, "replication")
    replica = replication.get("role") == "slave"
    primary = f"{replication.get('master_host')}:{replication.get('master_port')}"
    numbers = str(info.get("redis_version", "0")).split(".")
    version = tuple(int(number) for number in numbers if number.isdigit())
    return version, primary if replica else ""


def shown(version: tuple[int, ...]) -> str:
    """`7.0.15`."""
    return ".".join(map(str, version))


def _info(client: Any, key: str, section: str) -> dict[str, Any]:
    if hasattr(client, "get_node_from_key"):  # a cluster: the node that has the key
        node = client.get_node_from_key(key)
        return dict(client.info(section, target_nodes=node))
    return dict(client.info(section))


def _ends(info: dict[str, Any]) -> tuple[str, str] | None:
    first, last = info.get("first-entry"), info.get("last-entry")
    return (first[0].decode(), last[0].decode()) if first and last else None


def _group(
    client: Any, key: str, found: dict[str, Any], stuck_after: float, lag: tuple[int, LagSource]
) -> Group:
    name = found["name"]
    oldest, stuck = None, 0
    if found["pending"]:
        low = client.xpending(key, name)["min"]
        oldest = low.decode() if low else None
        long_ago = client.xpending_range(
            key, name, min="-", max="+", count=1, idle=int(stuck_after * 1000)
        )
        stuck = len(long_ago)
    consumers = tuple(
        Consumer(one["name"].decode(errors="replace"), one["pending"], one["idle"] / 1000)
        for one in client.xinfo_consumers(key, name)
    )
    return Group(
        name=name.decode(errors="replace"),
        last_delivered=found["last-delivered-id"].decode(),
        lag=lag[0],
        lag_source=lag[1],
        pending=found["pending"],
        oldest_pending=oldest,
        stuck=stuck,
        consumers=tuple(sorted(consumers, key=lambda consumer: consumer.name)),
    )
