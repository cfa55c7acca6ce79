"""The source loop: fetches the desired state, loads it, and puts it in force. One thread a source."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from desired_state.git_repository import GitRepositorySpec
from desired_state.loader import load_tree
from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import Scheme
from desired_state.snapshot import Snapshot
from desired_state.sources import Artifact, Source
from swarmkeeper.controller import backoff, source_status
from swarmkeeper.controller.apply import Applied, Applier
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.names import ACTOR, REQUESTED_AT
from swarmkeeper.controller.source_look import Demand, Look, look
from swarmkeeper.controller.source_status import Sync
from swarmkeeper.runtime import log_context, mergepatch

logger = logging.getLogger(__name__)
LookAt = Callable[[Iterable[ObjectRef]], None]
_AFTER_PANIC: Final = 5.0
_SOON: Final = 1.0


@dataclass(frozen=True, slots=True)
class SourceJob:
    """What a source loop works on.

    Attributes:
        ref: the GitRepository object.
        source: where to fetch.
        scheme: the kinds.
        demand: which signatures are asked for.
    """

    ref: ObjectRef
    source: Source
    scheme: Scheme
    demand: Demand = field(default_factory=Demand)


class SourceLoop:
    """Keeps the API's objects equal to what one source declares.

    Args:
        deps: the controller's parts.
        job: which source.
        look_at: makes objects due.
    """

    def __init__(self, deps: Deps, job: SourceJob, look_at: LookAt) -> None:
        self._deps = deps
        self._job = job
        self._look_at = look_at
        self._applier = Applier(deps.objects, job.scheme, job.ref.name)
        self._snapshot: Snapshot | None = None
        self._applied_generation = 0
        self._unfinished = False
        self._wake = threading.Event()
        self._stopping = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        """Starts the thread; the last artifact is put in force first, before anything is fetched."""
        self._thread.start()

    def trigger(self) -> None:
        """Asks for a look now; it returns at once."""
        self._wake.set()

    def stop(self, grace: float) -> None:
        """Lets the thread end.

        Args:
            grace: seconds to wait for it at most.
        """
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(grace)

    def sync(self) -> None:
        """One look: fetch, load, apply, status."""
        stored = self._stored()
        spec = GitRepositorySpec.model_validate(stored["spec"])
        span = self._deps.tracer.span
        with span("fetch"):
            seen = look(self._job.source, spec, self._job.demand)
        revision = seen.artifact.revision if seen.artifact else ""
        with log_context.bound(revision=revision), span("apply", revision=revision):
            applied = self._put_in_force(
                seen.artifact, spec, stored["metadata"].get("generation", 1)
            )
        self._failures = self._failures + 1 if seen.error or seen.refusal else 0
        self._conclude(stored, spec, seen, applied)

    def _traced_sync(self) -> None:
        ref, reconcile_id = self._job.ref, log_context.current()["reconcile_id"]
        with (
            self._deps.tracer.span(
                "sync source", kind=ref.kind, name=ref.name, reconcile_id=reconcile_id
            ) as span,
            log_context.bound(trace_id=span.trace_id),
        ):
            self.sync()

    def restore(self) -> None:
        """Puts the last artifact in force without asking git, so that a start needs no network."""
        stored = self._stored()
        spec = GitRepositorySpec.model_validate(stored["spec"])
        generation = stored["metadata"].get("generation", 1)
        kept = look(self._job.source, spec, self._job.demand, remote=False)
        self._put_in_force(kept.artifact, spec, generation)

    def _put_in_force(
        self, artifact: Artifact | None, spec: GitRepositorySpec, generation: int
    ) -> Applied | None:
        """Loads and applies an artifact, unless that was done already for this very spec."""
        if artifact is None:
            return None
        if self._snapshot is None or artifact.revision != self._snapshot.revision:
            self._snapshot = load_tree(
                Path(artifact.path),
                self._job.scheme,
                revision=artifact.revision,
                previous=self._snapshot,
            )
        elif generation == self._applied_generation and not self._unfinished:
            return None
        self._applied_generation = generation
        return self._apply(self._snapshot, spec)

    def _apply(self, snapshot: Snapshot, spec: GitRepositorySpec) -> Applied:
        self._deps.origins.set(snapshot.objects)
        applied = self._applier.apply(snapshot, prune=spec.prune, allow_empty=spec.allow_empty)
        self._unfinished = bool(applied.leaving)
        self._look_at(applied.touched)
        logger.info(
            "desired state in force", extra={"revision": snapshot.revision, "applied": str(applied)}
        )
        return applied

    def _conclude(
        self,
        stored: JsonObject,
        spec: GitRepositorySpec,
        seen: Look,
        applied: Applied | None,
    ) -> None:
        metadata = stored["metadata"]
        sync = Sync(
            generation=metadata.get("generation", 1),
            now=self._deps.ports.clock.now(),
            look=seen,
            snapshot=self._snapshot or Snapshot(),
            applied=applied,
            requested_at=metadata.get("annotations", {}).get(REQUESTED_AT, ""),
            suspended=spec.suspend,
        )
        previous: dict[str, Any] = stored.get("status", {})
        status = source_status.summarize(previous, sync)
        patch = mergepatch.difference(previous, status)
        if patch:
            self._deps.objects.patch(
                self._job.ref, {"status": patch}, actor=ACTOR, subresource="status"
            )
        for what in source_status.announcements(previous, status, sync):
            self._deps.recorder.record(self._job.ref, metadata["uid"], what, sync.now)

    def _stored(self) -> JsonObject:
        stored = self._deps.objects.get(self._job.ref)
        if stored is None:
            raise LookupError(f"{self._job.ref} is gone")
        return stored

    def _run(self) -> None:
        try:
            self.restore()
        except Exception:
            logger.exception("the last artifact is of no use", extra={"object": str(self._job.ref)})
        while not self._stopping:
            self._wake.clear()
            try:
                with log_context.bound(
                    object=str(self._job.ref), reconcile_id=uuid.uuid4().hex[:8]
                ):
                    self._traced_sync()
                wait = self._pause()
            except Exception:
                logger.exception("source could not be synced", extra={"object": str(self._job.ref)})
                wait = _AFTER_PANIC
            self._wake.wait(wait)

    def _pause(self) -> float:
        spec = GitRepositorySpec.model_validate(self._stored()["spec"])
        if self._unfinished:
            return _SOON
        if self._failures:
            cap = spec.retry_interval or spec.interval
            return backoff.delay(self._failures, cap=cap).total_seconds()
        return backoff.spread(spec.interval).total_seconds()
