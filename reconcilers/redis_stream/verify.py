"""Judges a stream by a fresh look: its length, and how its readers do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from desired_state.objects import JsonObject
from reconcilers.redis_stream.figures import figures
from reconcilers.redis_stream.observe import Observed
from reconcilers.redis_stream.plan import is_worth_trimming, receiver
from reconcilers.redis_stream.spec import RedisStreamSpec, TrimPolicy
from swarmkeeper.runtime.conditions import Condition, Status
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.streams import Consumer, Group, LagSource, Stream
from swarmkeeper.runtime.unknown import Unknown

WITHIN_LENGTH: Final = "WithinLength"
CONSUMED: Final = "Consumed"
Problem = tuple[Status, str, str]


def verify(target: Target[RedisStreamSpec], observed: Observed) -> Verification:
    """Judges a fresh observation."""
    stream, spec = observed.stream, target.spec
    if isinstance(stream, Unknown):
        return _without_a_look(Status.UNKNOWN, observed.reason, stream.reason)
    if not stream.exists:
        message = f"there is no stream {spec.key}: nobody has written to it, or it was deleted"
        return _without_a_look(Status.FALSE, "StreamMissing", message)
    if stream.type != "stream":
        message = f"{spec.key} is a {stream.type}, no stream"
        return _without_a_look(Status.FALSE, "WrongType", message)
    length, consumed = _length(spec, stream), _consumed(spec, stream)
    message = _summary(spec, stream)
    bad = [problem for problem in (length, consumed) if problem[0] is Status.FALSE]
    failure = (bad[0][1], bad[0][2]) if bad and not _is_being_corrected(spec, stream) else None
    return Verification(
        conditions=(Condition(WITHIN_LENGTH, *length), Condition(CONSUMED, *consumed)),
        healthy=None if consumed[0] is Status.UNKNOWN else failure is None,
        message=consumed[2] if consumed[0] is Status.UNKNOWN else message,
        failure=failure,
        fields=_fields(target, stream),
        figures=figures(stream),
    )


def _without_a_look(status: Status, reason: str, message: str) -> Verification:
    return Verification(
        conditions=tuple(
            Condition(type_, status, reason, message) for type_ in (WITHIN_LENGTH, CONSUMED)
        ),
        healthy=None if status is Status.UNKNOWN else False,
        message=message,
        failure=(reason, message) if status is Status.FALSE else None,
    )


def _is_being_corrected(spec: RedisStreamSpec, stream: Stream) -> bool:
    """Whether the length is all that is wrong, and a step can put it right."""
    if _consumed(spec, stream)[0] is Status.FALSE:
        return False
    return is_worth_trimming(spec, stream) or spec.trim.policy is TrimPolicy.ALWAYS


def _length(spec: RedisStreamSpec, stream: Stream) -> Problem:
    if stream.length <= spec.longest:
        return Status.TRUE, WITHIN_LENGTH, f"{stream.length} entries, at most {spec.longest}"
    over = f"{stream.length} entries, at most {spec.longest}"
    if is_worth_trimming(spec, stream) or spec.trim.policy is TrimPolicy.ALWAYS:
        return Status.FALSE, "TooLong", over
    if not stream.groups:
        return Status.FALSE, "NoGroups", f"{over}; no group reads it, so nothing counts as consumed"
    behind = _slowest(stream)
    return Status.FALSE, "ConsumersBehind", f"{over}; {behind.name} has {_work(behind)} to do"


def _consumed(spec: RedisStreamSpec, stream: Stream) -> Problem:
    problems = [*_missing(spec, stream)]
    for group in stream.groups:
        problems += _problems(spec, group)
    worst = [one for one in problems if one[0] is Status.FALSE] or problems
    if worst:
        return worst[0]
    return Status.TRUE, CONSUMED, _readers(stream)


def _missing(spec: RedisStreamSpec, stream: Stream) -> Iterator[Problem]:
    present = {group.name for group in stream.groups}
    for name in spec.groups:
        if name not in present:
            yield Status.FALSE, "GroupMissing", f"there is no group {name}"


def _problems(spec: RedisStreamSpec, group: Group) -> Iterator[Problem]:
    if spec.max_lag is not None:
        if group.lag > spec.max_lag:
            text = f"{group.name} has not been given {_work(group)}, at most {spec.max_lag}"
            yield Status.FALSE, "LagTooHigh", text
        elif group.lag_source is LagSource.UNKNOWN:
            text = f"the lag of {group.name} is not known: more than {group.lag} entries"
            yield Status.UNKNOWN, "LagUnknown", text
    if spec.max_pending is not None and group.pending > spec.max_pending:
        text = f"{group.name} has not acknowledged {group.pending}, at most {spec.max_pending}"
        yield Status.FALSE, "PendingTooMany", text
    if group.stuck and (spec.max_pending_age or spec.claim):
        yield _stuck(spec, group)
    idle, limit = _idle(group.consumers), spec.max_consumer_idle
    if limit is not None and (group.lag or group.pending) and idle > limit.total_seconds():
        text = f"no consumer of {group.name} has asked for anything for more than {limit}"
        yield Status.FALSE, "ConsumersIdle", text


def _stuck(spec: RedisStreamSpec, group: Group) -> Problem:
    text = f"{group.name} has entries that were given out more than {spec.stuck_after} ago"
    if spec.claim is not None and receiver(spec, group) is None:
        return Status.FALSE, "NoActiveConsumer", f"{text}, and no consumer that works gets them"
    return Status.FALSE, "PendingTooOld", text


def _idle(consumers: tuple[Consumer, ...]) -> float:
    """Seconds since any of them asked for anything; for ever where there is none."""
    return min((consumer.idle for consumer in consumers), default=float("inf"))


def _slowest(stream: Stream) -> Group:
    return max(stream.groups, key=lambda group: group.lag + group.pending)


def _work(group: Group) -> str:
    more = "more than " if group.lag_source is LagSource.UNKNOWN else ""
    return f"{more}{group.lag + group.pending} entries"


def _summary(spec: RedisStreamSpec, stream: Stream) -> str:
    return f"{stream.length} of {spec.max_length} entries; {_readers(stream)}"


def _readers(stream: Stream) -> str:
    if not stream.groups:
        return "no group"
    return "; ".join(
        f"{group.name}: {'' if group.lag_source is not LagSource.UNKNOWN else 'more than '}"
        f"{group.lag} unread, {group.pending} pending"
        for group in stream.groups
    )


def _fields(target: Target[RedisStreamSpec], stream: Stream) -> JsonObject:
    return {
        "length": stream.length,
        "lag": _total_lag(stream),
        "serverVersion": ".".join(map(str, stream.version)),
        "groups": [_group(target, group) for group in stream.groups],
    }


def _total_lag(stream: Stream) -> Any:
    """Of the group that is furthest behind; a text where that is not known."""
    if not stream.groups:
        return "Unknown"
    worst = max(stream.groups, key=lambda group: group.lag)
    known = all(group.lag_source is not LagSource.UNKNOWN for group in stream.groups)
    return str(worst.lag) if known else f">{worst.lag}"


def _group(target: Target[RedisStreamSpec], group: Group) -> JsonObject:
    limit = target.spec.max_consumer_idle
    document: JsonObject = {
        "name": group.name,
        "lagSource": str(group.lag_source),
        "pending": group.pending,
        "consumers": len(group.consumers),
    }
    document["lagAtLeast" if group.lag_source is LagSource.UNKNOWN else "lag"] = group.lag
    if limit is not None:
        idle = [c.name for c in group.consumers if c.idle > limit.total_seconds()]
        document["idleConsumers"] = idle
    return document
