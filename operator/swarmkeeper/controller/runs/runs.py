"""Carries RunbookRuns from asked to done.

A run has passes of its own, which refuse, expire and clean up. Its step is taken in a pass over its
target, behind the same guard and on the same trail as any step, so that no two passes ever act on one
object at once. Runs for one object go one after the other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from pydantic import ValidationError

from desired_state.objects import CommonSpec, JsonObject, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN
from swarmkeeper.controller import finalizing
from swarmkeeper.controller.announce import NORMAL, WARNING, Announcement
from swarmkeeper.controller.asked import Asked
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard import Hold
from swarmkeeper.controller.names import ACTOR, SOURCE_LABEL
from swarmkeeper.controller.outcome import GONE, Outcome, Result
from swarmkeeper.controller.report import Report
from swarmkeeper.controller.runs.health import PENDING, POLL, health
from swarmkeeper.controller.runs.index import RunIndex
from swarmkeeper.controller.runs.refusal import find, refusal
from swarmkeeper.controller.runs.run import Phase, Run, differs, reason_of
from swarmkeeper.controller.runs.verdict import Verdict, verdict
from swarmkeeper.runtime import mergepatch
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.runtime.runbook import HealthChecks

logger = logging.getLogger(__name__)
Wake = Callable[[Iterable[ObjectRef]], None]


class Runs:
    """All RunbookRuns; safe to share between worker threads.

    Args:
        deps: the controller's parts.
        wake: makes objects due now.
    """

    def __init__(self, deps: Deps, wake: Wake) -> None:
        self._deps = deps
        self._wake = wake
        self._index = RunIndex()
        self._guard = threading.Lock()
        self._primed = False

    def look(self, ref: ObjectRef) -> Outcome:
        """A pass over a run itself."""
        stored = self._deps.objects.get(ref)
        if stored is None or "deletionTimestamp" in stored["metadata"]:
            self._index.forget(ref)
            if stored is not None:
                finalizing.release(self._deps, ref, stored)
            return GONE
        try:
            run = Run.of(stored)
        except ValidationError:
            logger.warning("run does not fit the model", extra={"object": str(ref)})
            return Outcome(Result.ERROR, None)
        now = self._deps.ports.clock.now()
        if not run.done:
            run = self._advance(run, now)
        if run.done:
            return self._ended(run, now)
        soon = POLL if reason_of(run.status) == PENDING else timedelta.max
        return Outcome(Result.REQUEUE_AFTER, max(min(run.left(now), soon), timedelta(0)))

    def next(self, target: ObjectRef) -> Run | None:
        """The run whose turn it is on an object, or None."""
        self._prime()
        now = self._deps.ports.clock.now()
        waiting = [
            run
            for ref in self._index.of(target)
            if (run := self._read(ref)) and not (run.done or run.spec.suspend or run.overdue(now))
        ]
        return min(waiting, key=lambda run: run.order, default=None)

    def begin(self, run: Run) -> None:
        """Says that the step is about to be taken.

        Raises:
            ApiError: 409, the run is not the same any more: it has expired, or was changed.
        """
        message = f"runs {run.spec.runbook} on {run.target}"
        if self.note(run, Phase.RUNNING, "Running", message).phase is not Phase.RUNNING:
            raise ApiError(409, "Conflict", f"{run.ref} has changed meanwhile")

    def note(
        self, run: Run, phase: Phase, reason: str, message: str, hold: Hold | None = None
    ) -> Run:
        """Writes how far a run is, unless it has ended or has become another one.

        Returns:
            The run as it is stored now.
        """
        current = self._read(run.ref)
        if current is None or current.id != run.id or current.done:
            return current or run
        now = self._deps.ports.clock.now()
        status = current.status_for(phase, reason, message, now, hold)
        stored = self._write(current, status)
        if differs(current.status, status) or reason_of(current.status) != reason:
            type_ = WARNING if phase is Phase.FAILED else NORMAL
            uid = run.metadata["uid"]
            self._deps.recorder.record(run.ref, uid, Announcement(type_, reason, message), now)
        written = Run.of(stored)
        if written.done:
            self._index.forget(run.ref)
            # The next run for this object, and the end of this one.
            self._wake([run.target, run.ref])
        return written

    def tell(self, run: Run, report: Report, spec: CommonSpec) -> None:
        """Takes down what a pass over the target, with its spec, says about the run whose turn it was."""
        reconciler = self._deps.reconcilers[run.target.kind]
        runbook = find(reconciler.runbooks, run.spec.runbook)
        current = self._read(run.ref)
        if runbook is None or current is None or current.id != run.id:
            return
        found = verdict(current, runbook, report)
        if found is not None and found[0] is Phase.SUCCEEDED:
            found = self._with_health(current, runbook.health(spec), report.asked, found)
        if found is None:
            return
        self.note(run, *found)
        if found[1] == PENDING and reason_of(current.status) != PENDING:
            self._wake([run.ref])  # it is its own passes that look again and again

    def forget(self, ref: ObjectRef) -> None:
        """A run, or an object, is gone: the runs that were for it look."""
        self._index.forget(ref)
        if waiting := self._index.of(ref):
            self._wake(waiting)

    def _with_health(
        self, run: Run, checks: HealthChecks | None, asked: Asked, found: Verdict
    ) -> Verdict:
        """The verdict, once the objects that depend on the target are well, too."""
        if checks is None or not checks.objects or asked.at is None:
            return found
        now = self._deps.ports.clock.now()
        unwell = health(self._deps.objects, run.ref.namespace, checks, asked.at, now)
        if unwell is None:
            phase, reason, message, hold = found
            names = ", ".join(f"{each.kind}/{each.name}" for each in checks.objects)
            return phase, reason, f"{message}; Ready after it: {names}", hold
        phase, reason, message = unwell
        return phase, reason, f"{asked.outcome}; {message}", None

    def _prime(self) -> None:
        """Knows, before the first pass after a start, the runs that a crash has interrupted.

        Else a pass over the target that comes before the run's own would take the step for done.
        """
        with self._guard:
            if self._primed:
                return
            for stored in self._deps.objects.list(RUNBOOK_RUN.name):
                metadata = stored["metadata"]
                run = self._read(
                    ObjectRef(RUNBOOK_RUN.name, metadata["name"], metadata["namespace"])
                )
                if run is not None and run.phase is Phase.RUNNING:
                    self._index.note(run.ref, run.target)
            self._primed = True

    def _advance(self, run: Run, now: datetime) -> Run:
        """What can be said of a run without a look at the world."""
        if (impossible := refusal(run, self._deps.reconcilers)) is not None:
            return self.note(run, Phase.FAILED, *impossible)
        if reason := run.overdue(now):
            said = run.status.get("message", "nothing has looked at it")
            return self.note(run, Phase.FAILED, reason, f"it took too long: {said}")
        target = self._deps.objects.get(run.target)
        if target is None and run.phase is Phase.RUNNING:
            return self.note(run, Phase.FAILED, "TargetDeleted", f"{run.target} is gone")
        if run.spec.suspend:
            self._index.forget(run.ref)
            return self.note(run, run.phase, "Suspended", "waits until spec.suspend is false")
        self._index.note(run.ref, run.target)
        self._wake([run.target])
        if target is None:
            return self.note(run, Phase.PENDING, "TargetNotFound", f"waits for {run.target}")
        if not run.status:
            return self.note(run, Phase.PENDING, "Waiting", f"waits for a pass over {run.target}")
        return run

    def _ended(self, run: Run, now: datetime) -> Outcome:
        """Deletes a run that has been over for long enough; what git declares is deleted in git."""
        self._index.forget(run.ref)
        if run.spec.ttl_after_finished is None or SOURCE_LABEL in run.metadata.get("labels", {}):
            return Outcome(Result.SUCCESS, None)
        left = run.left(now)
        if left > timedelta(0):
            return Outcome(Result.SUCCESS, left)
        self._deps.objects.delete(run.ref, actor=ACTOR)
        return GONE

    def _read(self, ref: ObjectRef) -> Run | None:
        stored = self._deps.objects.get(ref)
        if stored is None or "deletionTimestamp" in stored["metadata"]:
            return None
        try:
            return Run.of(stored)
        except ValidationError:
            return None

    def _write(self, run: Run, status: JsonObject) -> JsonObject:
        stored = self._deps.objects.get(run.ref) or {}
        patch = mergepatch.difference(stored.get("status", {}), status)
        version = {"resourceVersion": run.metadata["resourceVersion"]}
        document = {"metadata": version, "status": patch}
        return self._deps.objects.patch(run.ref, document, actor=ACTOR, subresource="status")
