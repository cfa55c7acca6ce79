"""Takes the steps. Each is decided anew by the server's state: none relies on what the plan saw."""

from __future__ import annotations

from collections.abc import Mapping

from reconcilers.redis_stream.losses import losses, rounded
from reconcilers.redis_stream.plan import receiver
from reconcilers.redis_stream.spec import RedisStreamSpec, TrimPolicy, stream_key, trim_of
from swarmkeeper.runtime.errors import Retry, Stalled
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.streams import Stream, StreamError, Streams

_FOR_HUMANS = frozenset(
    {"AuthenticationFailed", "PermissionDenied", "CertificateRefused", "ServerTooOld", "WrongType"}
)


def act(target: Target[RedisStreamSpec], action: Action, streams: Streams) -> str:
    """Takes one step; what it gives is for the trail.

    Raises:
        Retry: the server can't do it now.
        Stalled: it refuses, and a human must do something about it.
    """
    steps = {"trim": _trim, "drop": _drop, "claim": _claim}
    try:
        return steps[action.runbook](target, action, streams)
    except StreamError as error:
        kind = Stalled if error.reason in _FOR_HUMANS else Retry
        raise kind(error.message, reason=error.reason) from error


def _trim(target: Target[RedisStreamSpec], _action: Action, streams: Streams) -> str:
    done = streams.trim_consumed(stream_key(target.spec), trim_of(target.spec))
    rest = "; what is beyond the length has not been read and acknowledged by all" * done.held
    return f"removed {done.removed} entries, {done.length} are left{rest}"


def _drop(target: Target[RedisStreamSpec], action: Action, streams: Streams) -> str:
    spec = target.spec
    if spec.trim.policy is not TrimPolicy.ALWAYS:
        raise Stalled("trim.policy is not Always: nothing unread is dropped", reason="NotAllowed")
    bounds = action.parameters.get("lostAtMost")
    if bounds is None:  # asked for by hand: what a look says now
        bounds = rounded(losses(_look(target, streams), spec.max_length))
    refused: list[str] = []

    def allowed(lost: Mapping[str, int]) -> bool:
        refused.extend(
            f"{number} of {group}"
            for group, number in lost.items()
            if number > bounds.get(group, 0)
        )
        return not refused

    done = streams.trim_always(
        stream_key(spec),
        trim_of(spec),
        export=f"{target.ref.name}-{_stamp(target)}",
        allowed=allowed,
    )
    if refused:
        raise Retry(
            f"more would be lost than was planned for: {', '.join(refused)}", reason="MoreToLose"
        )
    if not done.export:
        return f"nothing to drop: {done.length} entries"
    return f"dropped {done.removed} entries, {done.length} are left; they lie in {done.export}"


def _claim(target: Target[RedisStreamSpec], action: Action, streams: Streams) -> str:
    spec, asked = target.spec, action.parameters
    group = asked.get("group")
    if not group:
        raise Stalled("name the group: parameter group", reason="ParameterMissing")
    consumer = asked.get("consumer")
    if not consumer:
        found = next((g for g in _look(target, streams).groups if g.name == group), None)
        consumer = receiver(spec, found) if found is not None else None
    if not consumer:
        raise Stalled(f"no consumer of {group} works: name one", reason="NoActiveConsumer")
    idle = spec.claim.min_idle if spec.claim else spec.stuck_after
    done = streams.claim(stream_key(spec), group, consumer, idle=idle.total_seconds())
    gone = f"; {done.vanished} did not exist any more" if done.vanished else ""
    return f"{done.entries} entries of {group} went to {consumer}{gone}"


def _look(target: Target[RedisStreamSpec], streams: Streams) -> Stream:
    spec = target.spec
    return streams.look(
        stream_key(spec),
        keep=spec.max_length,
        stuck_after=spec.stuck_after.total_seconds(),
        count_at_most=spec.count_at_most,
    )


def _stamp(target: Target[RedisStreamSpec]) -> str:
    return target.now.strftime("%Y%m%dT%H%M%S%fZ")
