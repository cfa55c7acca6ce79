"""Decides what to do about a stream. Pure.

In this order: stuck entries go to a consumer that works, what all are done with is trimmed, and only
then, with approval, what they are not done with is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcilers.redis_stream.losses import losses, rounded
from reconcilers.redis_stream.observe import Observed
from reconcilers.redis_stream.spec import RedisStreamSpec, TrimPolicy
from swarmkeeper.runtime.diff import ABSENT, FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.streams import Group, Stream
from swarmkeeper.runtime.unknown import Unknown


def plan(target: Target[RedisStreamSpec], observed: Observed) -> Plan:
    """The drift, and the steps that correct it."""
    stream, spec = observed.stream, target.spec
    if isinstance(stream, Unknown):
        return Plan(unknown=(stream.reason,))
    if not stream.exists:
        return Plan(drift=(_diff(target, "spec.key", "stream", ABSENT),))
    if stream.type != "stream":
        message = f"{spec.key} is a {stream.type}, no stream: it is left alone"
        return Plan(blocked=("WrongType", message))
    drift = tuple(_drift(target, stream))
    steps = (*_claims(target, stream), *_trims(target, stream))
    if stream.replica_of and steps:
        message = f"the server is a replica of {stream.replica_of}: declare that, or Sentinels"
        return Plan(drift=drift, blocked=("ReadOnlyReplica", message))
    return Plan(drift=drift, actions=steps)


def receiver(spec: RedisStreamSpec, group: Group) -> str | None:
    """The consumer that gets stuck entries: the declared one, or the one that asked last."""
    claim = spec.claim
    if claim is None:
        return None
    if claim.consumer is not None:
        return claim.consumer
    limit = claim.min_idle.total_seconds()
    working = [consumer for consumer in group.consumers if consumer.idle < limit]
    return min(working, key=lambda consumer: consumer.idle).name if working else None


def is_worth_trimming(spec: RedisStreamSpec, stream: Stream) -> bool:
    """Whether at least half of what is too much may go.

    A reader that lags frees a few entries at a time: to trim after each would be an action a look.
    """
    excess = stream.length - spec.max_length
    return stream.length > spec.longest and 0 < excess <= 2 * stream.removable


def _drift(target: Target[RedisStreamSpec], stream: Stream) -> Iterator[FieldDiff]:
    spec = target.spec
    if stream.length > spec.longest:
        yield _diff(target, "spec.maxLength", spec.max_length, stream.length)
    present = {group.name for group in stream.groups}
    for name in spec.groups:
        if name not in present:
            yield _diff(target, "spec.groups", name, ABSENT)


def _diff(target: Target[RedisStreamSpec], path: str, want: object, got: object) -> FieldDiff:
    return FieldDiff(path, want, got, target.origin_of(path))


def _claims(target: Target[RedisStreamSpec], stream: Stream) -> Iterator[Action]:
    claim = target.spec.claim
    for group in stream.groups:
        consumer = receiver(target.spec, group)
        if claim is None or not group.stuck or consumer is None:
            continue
        yield Action(
            "claim",
            f"group/{group.name}",
            before={"stuck": True},
            after={"stuck": False, "consumer": consumer},
            reason=f"entries of {group.name} have not been acknowledged for {claim.min_idle}",
            risk=Risk.MEDIUM,
            parameters={"group": group.name, "consumer": consumer},
        )


def _trims(target: Target[RedisStreamSpec], stream: Stream) -> Iterator[Action]:
    spec = target.spec
    if stream.length <= spec.longest:
        return
    before = {"length": f"more than {spec.longest}"}
    reason = f"{stream.length} entries, at most {spec.longest} are wanted"
    if is_worth_trimming(spec, stream):
        after = {"length": spec.max_length}
        yield Action("trim", f"stream/{spec.key}", before, after, reason)
    elif spec.trim.policy is TrimPolicy.ALWAYS:
        bounds = rounded(losses(stream, spec.max_length))
        yield Action(
            "drop",
            f"stream/{spec.key}",
            before,
            after={"length": spec.max_length, "lostAtMost": bounds},
            reason=f"{reason}; {_told(losses(stream, spec.max_length))}",
            risk=Risk.HIGH if any(bounds.values()) else Risk.LOW,
            parameters={"lostAtMost": bounds},
            confirm=any(bounds.values()),
        )


def _told(lost: dict[str, int]) -> str:
    if not lost:
        return "no group reads it"
    return "lost unread or unacknowledged: " + ", ".join(
        f"{number} of {name}" for name, number in sorted(lost.items())
    )
