"""What kinds may ask of a Redis server about its streams: the port, and what it gives.

Ids are those of Redis: `<milliseconds>-<number>`, both decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from desired_state.secret_reference import SecretKeyReference


@dataclass(frozen=True, slots=True)
class StreamServer:
    """How to reach a Redis server, without any secret.

    Attributes:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://host:port,…/service/db`,
            `redis+cluster://` or one of the last two with TLS (`rediss+…`).
        username: of the ACL user; empty for the default one.
        password: where the password lies.
        ca: where the CA's certificate lies; by default the system's are trusted.
        certificate: where our own certificate lies, for servers that ask for one.
        key: where its key lies.
        timeout: seconds for a connection, and for each answer.
    """

    url: str
    username: str = ""
    password: SecretKeyReference | None = None
    ca: SecretKeyReference | None = None
    certificate: SecretKeyReference | None = None
    key: SecretKeyReference | None = None
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class StreamKey:
    """One stream.

    Attributes:
        server: where it is.
        key: its name there.
    """

    server: StreamServer
    key: str


@dataclass(frozen=True, slots=True)
class Trim:
    """How to trim.

    Attributes:
        keep: entries that stay in any case.
        batch: entries that are removed in one step; other clients get their turn in between.
        references: KEEPREF, DELREF or ACKED: what becomes of pending references to entries that
            go; empty for the server's default.
    """

    keep: int
    batch: int
    references: str = ""


class LagSource(StrEnum):
    """Where the number of unread entries comes from."""

    SERVER = "server"
    """XINFO GROUPS, by a version that counts right."""
    COMPUTED = "computed"
    """Counted entry by entry."""
    UNKNOWN = "unknown"
    """Too many to be counted: the number is a lower bound."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer of a group.

    Attributes:
        name: as it calls itself.
        pending: entries that it has got and not acknowledged.
        idle: seconds since it last asked for anything.
    """

    name: str
    pending: int
    idle: float


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group.

    Attributes:
        name: of the group.
        last_delivered: id of the last entry that was given out.
        lag: entries that it has not been given yet; a lower bound where the source is unknown.
        lag_source: how it is known.
        pending: entries given out and not acknowledged.
        oldest_pending: the lowest id among them, or None.
        stuck: of those, how many at least were given out longer ago than was asked; at most 1 is told.
        consumers: all of them.
    """

    name: str
    last_delivered: str
    lag: int
    lag_source: LagSource
    pending: int = 0
    oldest_pending: str | None = None
    stuck: int = 0
    consumers: tuple[Consumer, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as it is.

    Attributes:
        version: of the server, e.g. (7, 0, 15).
        replica_of: `host:port` of the primary where the server is a replica, else empty.
        exists: whether the key exists.
        type: of the key where it is no stream, else `stream`.
        length: entries.
        first: id of the oldest entry, or None.
        boundary: everything below this id has been read and acknowledged by every group; None
            where there is no group, and above the newest entry where all is done.
        removable: how many of the entries beyond the wanted length lie below the boundary.
        groups: all of them, by name.
    """

    version: tuple[int, ...]
    replica_of: str = ""
    exists: bool = True
    type: str = "stream"
    length: int = 0
    first: str | None = None
    boundary: str | None = None
    removable: int = 0
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What a trim did.

    Attributes:
        removed: entries.
        length: entries that are left.
        held: whether entries beyond the length stay because some group has not dealt with them.
        export: file that holds what was removed; empty where all had been dealt with.
    """

    removed: int
    length: int
    held: bool
    export: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim did.

    Attributes:
        entries: that have another consumer now.
        vanished: pending entries that exist no more, and are not pending any more.
    """

    entries: int
    vanished: int


class StreamError(Exception):
    """The server can't be asked, or refused.

    Args:
        reason: CamelCase word for the condition.
        message: for people; holds no secret.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Streams(Protocol):
    """Redis streams. Thread-safe; every call is bounded in time.

    All methods raise StreamError.
    """

    def look(
        self, stream: StreamKey, *, keep: int, stuck_after: float, count_at_most: int
    ) -> Stream:
        """Reads a stream, its groups and consumers.

        Args:
            stream: which one.
            keep: the wanted length.
            stuck_after: seconds after which an entry that is not acknowledged counts as stuck.
            count_at_most: entries that are counted where the server's lag can't be trusted.
        """
        ...

    def trim_consumed(self, stream: StreamKey, how: Trim) -> Trimmed:
        """Removes the oldest entries that every group has read and acknowledged.

        What is safe is decided and done in one step on the server, batch by batch.
        """
        ...

    def trim_always(
        self,
        stream: StreamKey,
        how: Trim,
        *,
        export: str,
        allowed: Callable[[Mapping[str, int]], bool],
    ) -> Trimmed:
        """Writes the oldest entries into a file, then removes exactly those, read or not.

        Args:
            stream: which one.
            how: to trim.
            export: name of the file, without ending: gzip, one JSON object a line.
            allowed: asked with the number of entries that would be lost to each group; where it says
                no, nothing is removed.
        """
        ...

    def claim(self, stream: StreamKey, group: str, consumer: str, *, idle: float) -> Claimed:
        """Gives entries that were given out long ago and never acknowledged to another consumer.

        Args:
            stream: which one.
            group: whose entries.
            consumer: who gets them.
            idle: seconds since they were given out.
        """
        ...


class _NoStreams:
    """Where there is no client of Redis."""

    def look(
        self, stream: StreamKey, *, keep: int, stuck_after: float, count_at_most: int
    ) -> Stream:
        raise _NONE

    def trim_consumed(self, stream: StreamKey, how: Trim) -> Trimmed:
        raise _NONE

    def trim_always(
        self,
        stream: StreamKey,
        how: Trim,
        *,
        export: str,
        allowed: Callable[[Mapping[str, int]], bool],
    ) -> Trimmed:
        raise _NONE

    def claim(self, stream: StreamKey, group: str, consumer: str, *, idle: float) -> Claimed:
        raise _NONE


_NONE: Final = StreamError("ServerUnreachable", "there is no client of Redis in this process")
NO_STREAMS: Final[Streams] = _NoStreams()
"""Reaches no server."""
