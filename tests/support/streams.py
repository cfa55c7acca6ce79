"""Short ways to say what a Redis stream is like."""

from __future__ import annotations

from typing import Any

from reconcilers.redis_stream import RECONCILER
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.streams import Group, LagSource, Stream
from swarmkeeper.testing import target_of

VERSION = (7, 0, 15)
SERVER = {"url": "redis://redis:6379"}


def target(**spec: Any) -> Target[Any]:
    """A RedisStream that may have 1,000 entries, and 10% more."""
    return target_of(RECONCILER, {"server": SERVER, "key": "events", "maxLength": 1000, **spec})


def group(name: str = "workers", **fields: Any) -> Group:
    """A group that has nothing to do."""
    known = {"last_delivered": "0-0", "lag": 0, "lag_source": LagSource.COMPUTED}
    return Group(name, **{**known, **fields})


def stream(length: int, *groups: Group, **fields: Any) -> Stream:
    """A stream of so many entries."""
    return Stream(VERSION, length=length, first="1-0", groups=groups, **fields)
