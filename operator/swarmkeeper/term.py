"""A term: everything that only the operator does which acts, from its taking over to its end.

All of it is built anew when a term begins, from what lies in the store then: a standby remembers nothing
that the one before it has changed since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.objects import ObjectRef
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.controller.controller import Controller
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.fenced import FencedObjects
from swarmkeeper.controller.guard import CHECKS, Guard
from swarmkeeper.controller.kopf_host import ApiAccess, KopfHost
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.controller.names import ACTOR
from swarmkeeper.controller.origins import Origins
from swarmkeeper.controller.recorder import Recorder
from swarmkeeper.controller.signals import SignalIndex
from swarmkeeper.controller.source_loop import SourceJob, SourceLoop
from swarmkeeper.controller.traced import traced
from swarmkeeper.guarding import policy_of
from swarmkeeper.settings import Settings
from swarmkeeper.source_settings import demand, repository, seeded, source_of
from swarmkeeper.store.audit import AuditTrail
from swarmkeeper.store.memory import Memory
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore
from swarmkeeper.store.tenure import Tenure
from swarmkeeper.world import World

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is already while an operator stands by.

    Attributes:
        settings: how to run.
        world: the outside world.
        scheme: the kinds.
        database: the store.
        store: the objects in it.
        objects: the same, as the embedded API.
        metrics: counters and timings.
        tenure: the right to act.
    """

    settings: Settings
    world: World
    scheme: Scheme
    database: SqlDatabase
    store: SqlObjectStore
    objects: Resources
    metrics: Metrics
    tenure: Tenure


class Term:
    """The controller, its triggers, and the source loop.

    Building it reads the store: do that once the lease is held.

    Args:
        parts: what it is built from.
        access: how kopf reaches the API.

    Raises:
        StoreError: the store can't be read.
    """

    def __init__(self, parts: Parts, access: ApiAccess) -> None:
        parts.store.catch_up()
        self._parts = parts
        self.deps = _deps(parts)
        self.controller = Controller(self.deps, workers=parts.settings.workers)
        self._source = self._source_loop()
        self._watcher = parts.world.watch(self.controller.on_signals, self.controller.look_at_all)
        self._host = KopfHost(access, parts.scheme, self.controller.on_change)
        self._kopf: asyncio.Task[None] | None = None
        self._grace = parts.settings.grace.total_seconds()

    async def begin(self, ended: Callable[[], object]) -> None:
        """Begins to act: every object is due at once, and kopf comes up meanwhile.

        Args:
            ended: called where kopf ends by itself.
        """
        await asyncio.to_thread(self._start)
        self._kopf = asyncio.create_task(self._host.run(), name="kopf")
        self._kopf.add_done_callback(lambda _task: ended())
        await self._host.wait_ready(self._kopf)

    async def end(self, *, grace: bool) -> None:
        """Begins nothing more; after it another operator may act.

        Args:
            grace: whether steps that run may end; else they are left, with their intent in the trail.
        """
        seconds = self._grace if grace else 0.0
        self._watcher.stop()
        source = asyncio.create_task(asyncio.to_thread(self._stop_source, seconds))
        ended = await asyncio.to_thread(self.controller.stop, seconds)
        await source
        if not ended:
            logger.warning("passes did not end in time", extra={"grace": seconds})

    async def close(self) -> BaseException | None:
        """Ends kopf; gives what it failed with, or None."""
        self._host.stop()
        if self._kopf is None:
            return None
        await asyncio.wait([self._kopf], timeout=self._grace)
        done = self._kopf.done() and not self._kopf.cancelled()
        return self._kopf.exception() if done else None

    def look_at_source(self) -> None:
        """Makes the source loop look now."""
        if self._source is not None:
            self._source.trigger()

    def problem(self) -> str:
        """Why nothing is reconciled though it should be; empty while all goes well."""
        return self.controller.problem()

    def _start(self) -> None:
        self._seed_source()
        self.controller.start()
        self._watcher.start()
        if self._source is not None:
            self._source.start()

    def _stop_source(self, grace: float) -> None:
        if self._source is not None:
            self._source.stop(grace)

    def _source_loop(self) -> SourceLoop | None:
        settings = self._parts.settings
        source = source_of(settings)
        if source is None:
            return None
        ref = source_ref(settings)
        job = SourceJob(ref, source, self._parts.scheme, demand(settings))
        loop = SourceLoop(self.deps, job, self._look_at)
        self.controller.add_source(ref, loop.trigger)
        return loop

    def _look_at(self, refs: Iterable[ObjectRef]) -> None:
        self.controller.look_at(refs, urgent=True)

    def _seed_source(self) -> None:
        """Makes the GitRepository object say what the settings say."""
        if self._source is None:
            return
        wanted, objects = repository(self._parts.settings), self.deps.objects
        stored = objects.get(source_ref(self._parts.settings))
        if stored is None:
            objects.create(wanted, actor=ACTOR)
        else:
            spec = seeded(stored["spec"], wanted["spec"])
            objects.replace({**stored, "spec": spec}, actor=ACTOR)


def source_ref(settings: Settings) -> ObjectRef:
    """The GitRepository object that stands for the operator's source."""
    return ObjectRef(GIT_REPOSITORY.name, settings.source_name)


def _deps(parts: Parts) -> Deps:
    policy, tenure = policy_of(parts.settings), parts.tenure
    objects = FencedObjects(parts.objects, tenure.require)
    redactor, tracer = parts.world.redactor, parts.world.tracer
    deps = Deps(
        reconcilers=parts.world.reconcilers,
        objects=objects,
        ports=parts.world.ports,
        guard=Guard(CHECKS),
        trail=AuditTrail(parts.database, fence=tenure.check, redact=redactor.text),
        memory=Memory(parts.database),
        recorder=Recorder(objects, actor=ACTOR, redactor=redactor),
        origins=Origins(),
        signals=SignalIndex(),
        metrics=parts.metrics,
        policy=policy,
        admission=policy.admission(),
        redactor=redactor,
        require_lease=tenure.require,
        checkpoint=parts.world.checkpoint,
    )
    return traced(deps, tracer) if tracer else deps
