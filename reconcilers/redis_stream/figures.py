"""Figures of a stream for Prometheus, as KEDA's redis-streams scaler names its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from swarmkeeper.runtime.figures import Figure
from swarmkeeper.runtime.streams import LagSource, Stream

LENGTH: Final = "swarmkeeper_redis_stream_length"
LAG: Final = "swarmkeeper_redis_stream_lag"
PENDING: Final = "swarmkeeper_redis_stream_pending_entries"
CONSUMERS: Final = "swarmkeeper_redis_stream_consumers"


def figures(stream: Stream) -> tuple[Figure, ...]:
    """All figures; a lag that is not known is left out: unknown is not zero, and not minus one."""
    return tuple(_figures(stream))


def _figures(stream: Stream) -> Iterator[Figure]:
    yield Figure(LENGTH, "Entries of the stream.", stream.length)
    for group in stream.groups:
        labels = {"group": group.name}
        if group.lag_source is not LagSource.UNKNOWN:
            yield Figure(LAG, "Entries that the group was not given yet.", group.lag, labels)
        text = "Entries that the group was given and has not acknowledged."
        yield Figure(PENDING, text, group.pending, labels)
        yield Figure(CONSUMERS, "Consumers of the group.", len(group.consumers), labels)
