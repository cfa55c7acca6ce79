"""What dropping unread entries would cost, as a bound that stands still while a plan waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from swarmkeeper.runtime.streams import Group, LagSource, Stream


def losses(stream: Stream, keep: int) -> dict[str, int]:
    """By group: at most how many entries it has not read or not acknowledged would go.

    Args:
        stream: as it is.
        keep: entries that stay.
    """
    excess = max(0, stream.length - keep)
    return {group.name: _loss(group, excess, keep) for group in stream.groups}


def rounded(bound: Mapping[str, int]) -> dict[str, int]:
    """The bounds, rounded up to 1, 2 or 5 times a power of ten.

    An approval is bound to the plan: with exact numbers a live stream would outrun every approval.
    """
    return {name: _round(number) for name, number in bound.items()}


def _loss(group: Group, excess: int, keep: int) -> int:
    if group.lag_source is LagSource.UNKNOWN:
        return excess
    unread = max(0, min(group.lag - keep, excess))
    return unread + min(group.pending, excess - unread)


def _round(number: int) -> int:
    size = 1
    while size * 10 <= number:
        size *= 10
    if number <= size:
        return size if number else 0
    return next(step * size for step in (2, 5, 10) if number <= step * size)
