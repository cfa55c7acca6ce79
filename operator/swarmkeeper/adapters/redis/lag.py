"""How many entries a group has not been given yet.

XINFO GROUPS says so, but its number is NULL for a group that began in the middle or after entries were
deleted, and wrong after trims up to 7.4.3 and in the previews of 8.0 (redis/redis #13338, #13473, #13958).
Then entries are counted, from the end that is nearer, in small pages that are not transferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from swarmkeeper.adapters.redis.ids import parts
from swarmkeeper.runtime.streams import LagSource

PAGE: Final = 1000
"""Entries that are counted in one step."""
COUNT: Final = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', tonumber(ARGV[3]))
local last = found[#found]
return {#found, last and last[1] or ''}
"""
"""Counts entries between two ids: (how many, the last one's id)."""
_RIGHT_7: Final = (7, 4, 4)
_RIGHT_8: Final = (8, 0, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What the server says about a group.

    Attributes:
        key: of the stream.
        last_delivered: id of the last entry that the group was given.
        said: the server's own number.
        version: of the server.
        length: of the stream.
        ends: ids of the oldest and the newest entry, or None where it is empty.
    """

    key: str
    last_delivered: str
    said: int | None
    version: tuple[int, ...]
    length: int
    ends: tuple[str, str] | None


def counts_right(version: tuple[int, ...]) -> bool:
    """Whether the lag of this version can be believed."""
    return version >= _RIGHT_8 or _RIGHT_7 <= version < (8,)


def lag_of(client: Any, group: Known, *, at_most: int) -> tuple[int, LagSource]:
    """Unread entries of a group, and how they are known.

    Args:
        client: of the server.
        group: what was read of it already.
        at_most: entries to count before giving up.
    """
    if group.ends is None or parts(group.last_delivered) >= parts(group.ends[1]):
        return 0, LagSource.COMPUTED
    if parts(group.last_delivered) < parts(group.ends[0]):
        return group.length, LagSource.COMPUTED
    if group.said is not None and counts_right(group.version):
        return group.said, LagSource.SERVER
    return _counted(client, group, at_most)


def counted(client: Any, key: str, until: str, at_most: int) -> int:
    """Entries from the oldest one until an id, in steps; at most so many."""
    total, start = 0, "-"
    while total < at_most:
        found, last = client.eval(COUNT, 1, key, start, until, min(PAGE, at_most - total))
        total += found
        if not found:
            break
        start = f"({last.decode()}"
    return total


def _counted(client: Any, group: Known, at_most: int) -> tuple[int, LagSource]:
    key, last_delivered, length = group.key, group.last_delivered, group.length
    unread, read = 0, 0
    forward, backward = f"({last_delivered}", "-"
    while unread + read < at_most:
        found, last = client.eval(COUNT, 1, key, forward, "+", PAGE)
        unread += found
        if found < PAGE:
            return unread, LagSource.COMPUTED
        forward = f"({last.decode()}"
        found, last = client.eval(COUNT, 1, key, backward, last_delivered, PAGE)
        read += found
        if found < PAGE:
            return max(length - read, unread), LagSource.COMPUTED
        backward = f"({last.decode()}"
    return unread, LagSource.UNKNOWN
