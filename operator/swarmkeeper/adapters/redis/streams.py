"""The port Streams on redis-py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from swarmkeeper.adapters.redis import exports, looks
from swarmkeeper.adapters.redis.connections import Connections
from swarmkeeper.adapters.redis.trim_script import TRIM
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.streams import Claimed, Stream, StreamError, StreamKey, Trim, Trimmed

_REFERENCES_FROM: Final = (8, 2)
# As a script: the client gives the ids without the place to go on at.
_CLAIM: Final = "return redis.call('XAUTOCLAIM', KEYS[1], unpack(ARGV))"
EXPORTS: Final = "exports"
"""Folder below the data folder for entries that are dropped."""


class RedisStreams:
    """Redis streams over the network; see `Streams`.

    Args:
        secrets: where passwords and certificates lie.
        exports: folder for entries that are dropped; made when it is needed.
    """

    def __init__(self, secrets: SecretFolder, exports: Path) -> None:
        self._connections = Connections(secrets)
        self._exports = exports

    def look(
        self, stream: StreamKey, *, keep: int, stuck_after: float, count_at_most: int
    ) -> Stream:
        """Reads a stream, its groups and consumers; see `Streams.look`."""
        asked = looks.Asked(stream.key, keep, stuck_after, count_at_most)
        with self._connections.client(stream.server) as client:
            return looks.look(client, asked)

    def trim_consumed(self, stream: StreamKey, how: Trim) -> Trimmed:
        """Removes what every group has read and acknowledged; see `Streams.trim_consumed`."""
        with self._connections.client(stream.server) as client:
            _require_references(client, stream.key, how)
            return _trim(client, stream.key, how)

    def trim_always(
        self,
        stream: StreamKey,
        how: Trim,
        *,
        export: str,
        allowed: Callable[[Mapping[str, int]], bool],
    ) -> Trimmed:
        """Writes the oldest entries into a file, then removes them; see `Streams.trim_always`."""
        with self._connections.client(stream.server) as client:
            key = stream.key
            _require_references(client, key, how)
            excess = client.xlen(key) - how.keep
            if excess <= 0:
                return Trimmed(0, how.keep + excess, held=False)
            file = self._exports / f"{export}.jsonl.gz"
            below = exports.write(client, key, excess, file)
            if not allowed(exports.lost(client, key, below)):
                file.unlink()
                return Trimmed(0, client.xlen(key), held=True)
            return replace(_trim(client, key, how, below), export=str(file))

    def claim(self, stream: StreamKey, group: str, consumer: str, *, idle: float) -> Claimed:
        """Gives long pending entries to another consumer; see `Streams.claim`."""
        found, start = Claimed(0, 0), b"0-0"
        with self._connections.client(stream.server) as client:
            while True:
                asked = (group, consumer, int(idle * 1000), start, "COUNT", 100, "JUSTID")
                answer = client.eval(_CLAIM, 1, stream.key, *asked)
                gone = len(answer[2]) if len(answer) > 2 else 0  # told since Redis 7.0
                found = Claimed(found.entries + len(answer[1]), found.vanished + gone)
                start = bytes(answer[0])
                if start == b"0-0":
                    return found

    def close(self) -> None:
        """Closes all connections."""
        self._connections.close()


def _trim(client: Any, key: str, how: Trim, below: str = "") -> Trimmed:
    """Batch by batch until nothing more may go."""
    removed = 0
    while True:
        gone, length, held = client.eval(TRIM, 1, key, how.keep, how.batch, below, how.references)
        removed += gone
        if not gone:
            return Trimmed(removed, length, bool(held))


def _require_references(client: Any, key: str, how: Trim) -> None:
    version, _ = looks.about_server(client, key) if how.references else ((9,), "")
    if version < _REFERENCES_FROM:
        raise StreamError(
            "ServerTooOld",
            f"trim.references: {how.references} needs Redis 8.2, the server is"
            f" {looks.shown(version)}",
        )
