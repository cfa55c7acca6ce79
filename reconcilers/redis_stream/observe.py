"""Looks at the stream: reads only."""

from __future__ import annotations

from dataclasses import dataclass

from reconcilers.redis_stream.spec import RedisStreamSpec, stream_key
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.streams import Stream, StreamError
from swarmkeeper.runtime.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen.

    Attributes:
        stream: as it is.
        reason: CamelCase word for why it could not be read; empty where it could.
    """

    stream: Stream | Unknown
    reason: str = ""


def observe(target: Target[RedisStreamSpec], ports: Ports) -> Observed:
    """Reads the stream, its groups and their consumers."""
    spec = target.spec
    try:
        stream = ports.streams.look(
            stream_key(spec),
            keep=spec.max_length,
            stuck_after=spec.stuck_after.total_seconds(),
            count_at_most=spec.count_at_most,
        )
    except StreamError as error:
        return Observed(Unknown(error.message), error.reason)
    return Observed(stream)
