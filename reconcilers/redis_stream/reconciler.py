"""The kind RedisStream."""

from __future__ import annotations

from typing import Final

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import READY_COLUMNS, Column, Kind
from reconcilers.redis_stream import act as acting
from reconcilers.redis_stream import observe as observing
from reconcilers.redis_stream import plan as planning
from reconcilers.redis_stream import verify as verifying
from reconcilers.redis_stream.observe import Observed
from reconcilers.redis_stream.runbooks import RUNBOOKS
from reconcilers.redis_stream.spec import RedisStreamSpec
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification

KIND: Final = Kind(
    name="RedisStream",
    plural="redisstreams",
    spec=RedisStreamSpec,
    short_names=("rs",),
    columns=(
        Column("Key", ".spec.key", description="Name of the stream in Redis"),
        Column("Length", ".status.length", "integer", description="Entries"),
        Column("Max", ".spec.maxLength", "integer", description="Entries that it is trimmed to"),
        Column("Lag", ".status.lag", description="Unread entries of the slowest group"),
        *READY_COLUMNS,
    ),
    description="Keeps a Redis stream within its length without losing what is unread.",
)


class RedisStreamReconciler:
    """Keeps one stream within its length, and watches its readers; see README.md."""

    kind = KIND
    runbooks = RUNBOOKS
    steady = False  # entries grow old

    def signals(self, ref: ObjectRef, spec: RedisStreamSpec) -> frozenset[str]:
        """None: Redis tells nobody of writes without being set up for it; the interval looks."""
        return frozenset()

    def observe(self, target: Target[RedisStreamSpec], ports: Ports) -> Observed:
        """Reads the stream, its groups and their consumers."""
        return observing.observe(target, ports)

    def plan(self, target: Target[RedisStreamSpec], observed: Observed) -> Plan:
        """`claim` for stuck entries, and one of `trim` and `drop` for a stream that is too long."""
        return planning.plan(target, observed)

    def act(self, target: Target[RedisStreamSpec], action: Action, ports: Ports) -> str:
        """Takes one step; see runbooks.py."""
        return acting.act(target, action, ports.streams)

    def verify(self, target: Target[RedisStreamSpec], observed: Observed) -> Verification:
        """WithinLength and Consumed."""
        return verifying.verify(target, observed)

    def finalize(self, target: Target[RedisStreamSpec], observed: Observed) -> Plan:
        """Nothing: the stream belongs to those who write to it."""
        return Plan()

    def remember(self, target: Target[RedisStreamSpec], observed: Observed) -> JsonObject | None:
        """Nothing."""
        return None


RECONCILER: Final = RedisStreamReconciler()
