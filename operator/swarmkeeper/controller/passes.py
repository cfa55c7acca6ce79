"""The pass: observe, plan, guard, act, observe, verify, status. One object, one thread, start to end."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from desired_state.objects import JsonObject, Mode, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN
from swarmkeeper.controller import (
    announce,
    backoff,
    finalizing,
    lasting,
    requests,
    settled,
    summary,
)
from swarmkeeper.controller.acting import Acting, revision_of
from swarmkeeper.controller.convergence import Convergence
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.escalation import Escalation, escalation
from swarmkeeper.controller.guard.breaker import BreakerState, breaker_of
from swarmkeeper.controller.lookups import LookUps
from swarmkeeper.controller.names import ACTOR, REFUSED, REQUESTED_AT
from swarmkeeper.controller.outcome import GONE, Outcome, Result
from swarmkeeper.controller.pass_context import pass_context
from swarmkeeper.controller.report import Report, Taken
from swarmkeeper.controller.requests import RunRequest
from swarmkeeper.controller.runs.runs import Runs, Wake
from swarmkeeper.controller.settled import Settled
from swarmkeeper.controller.targets import Targets
from swarmkeeper.runtime import mergepatch
from swarmkeeper.runtime.errors import ReconcileError, Retry, Stalled, Wait
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import SwarmError
from swarmkeeper.store.lease import LeaseLost

logger = logging.getLogger(__name__)
SOON: Final = timedelta(seconds=1)
RETRY_RUN: Final = timedelta(seconds=5)


_LEVELS: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def _wake_nobody(_: Iterable[ObjectRef]) -> None:
    """Whoever runs passes by hand runs the next ones, too."""


class Passes:
    """Runs passes; safe to share between worker threads, one pass at a time for an object.

    Args:
        deps: the controller's parts.
        wake: makes objects due now.
    """

    def __init__(self, deps: Deps, wake: Wake = _wake_nobody) -> None:
        self._deps = deps
        self._targets = Targets(deps)
        self._settled = Settled()
        self._convergence = Convergence()
        self._runs = Runs(deps, wake)

    def run(self, ref: ObjectRef) -> Outcome:
        """Looks at one object, corrects it where that is wanted, and writes its status."""
        stored = self._deps.objects.get(ref)
        started, reconcile_id = time.monotonic(), uuid.uuid4().hex[:8]
        if stored is None:
            return self._gone(ref)
        with pass_context(self._deps, ref, stored, reconcile_id) as span:
            try:
                if ref.kind == RUNBOOK_RUN.name:
                    outcome = self._runs.look(ref)
                else:
                    outcome = self._run(ref, stored, started, reconcile_id)
            except ApiError as error:
                # The object changed or went away under the pass: look again at what is there now.
                logger.info("pass interrupted", extra={"error": str(error)})
                outcome = Outcome(Result.REQUEUE_AFTER, SOON)
            except LeaseLost as error:
                # Nothing of it is concluded here; what was begun is for the successor to close.
                logger.warning("pass given up", extra={"error": str(error)})
                outcome = Outcome(Result.REQUEUE_AFTER, SOON)
            span.note("result", str(outcome.result))
        self._measure(ref, outcome, time.monotonic() - started)
        return outcome

    def _gone(self, ref: ObjectRef) -> Outcome:
        """Drops what is kept about an object that exists no more."""
        self._targets.forget(ref, "")
        self._settled.forget(ref)
        self._convergence.forget(ref)
        self._deps.metrics.forget_breaker(ref)
        self._deps.metrics.figures.note(ref, ())
        self._runs.forget(ref)
        return GONE

    def _run(
        self, ref: ObjectRef, stored: JsonObject, started: float, reconcile_id: str
    ) -> Outcome:
        now = self._deps.ports.clock.now()
        deleting = "deletionTimestamp" in stored["metadata"]
        report = Report(
            generation=stored["metadata"].get("generation", 1),
            now=now,
            refused=stored["metadata"].get("annotations", {}).get(REFUSED, ""),
            revision=revision_of(stored),
            requested_at=stored["metadata"].get("annotations", {}).get(REQUESTED_AT, ""),
        )
        target: Target[Any] | None = None
        try:
            upgrade = self._targets.choose(ref, stored, now)
            if upgrade.hold is not None and not deleting:
                report = replace(report, upgrade=upgrade.hold)
            target = self._targets.build(ref, stored, upgrade, now)
            acting = Acting(
                self._deps,
                finalizing.GUARD if deleting else upgrade.guard(self._deps.guard),
                target,
                revision_of(upgrade.stored),
                reconcile_id,
                started,
                stored["metadata"].get("annotations", {}),
                self._runs.begin,
            )
            if deleting:
                report = finalizing.finalize(self._deps, acting, report)
            else:
                report = self._kept(acting, stored, report)
        except ReconcileError as error:
            report = replace(report, error=error)
        except SwarmError as error:
            report = replace(report, error=Retry(str(error), reason="EngineRefused"))
        except (ApiError, LeaseLost):
            raise
        except Exception as error:
            logger.exception("pass failed", extra={"object": str(ref)})
            self._deps.metrics.panics.labels(ref.kind).inc()
            report = replace(
                report, error=Retry(f"{type(error).__name__}: {error}", reason="InternalError")
            )
        if deleting and finalizing.finished(report):
            finalizing.release(self._deps, ref, stored)
            self._targets.forget(ref, stored["metadata"]["uid"])
            return GONE
        outcome = self._conclude(ref, stored, target, report)
        if not report.settled:
            self._measure_convergence(ref, stored.get("status", {}), report, started)
        return outcome

    def _kept(self, acting: Acting, stored: JsonObject, report: Report) -> Report:
        """Looks at an object that is not being deleted, and tells the run whose turn it is."""
        target = acting.target
        reconciler = self._deps.reconcilers[target.ref.kind]
        run = self._runs.next(target.ref)
        if run is not None:
            request: RunRequest | None = requests.of_run(run, reconciler.runbooks)
        else:
            request = requests.pending(target.ref, stored, reconciler.runbooks)
        if (left_alone := _left_alone(target)) is not None:
            report = replace(report, left_alone=left_alone)
        else:
            report = self._look(acting, stored, report, request)
        if run is not None:
            self._runs.tell(run, report, target.spec)
        return report

    def _look(
        self, acting: Acting, stored: JsonObject, report: Report, request: RunRequest | None
    ) -> Report:
        """Observe, plan, act, observe, verify."""
        target = acting.target
        reconciler = self._deps.reconcilers[target.ref.kind]
        observed = reconciler.observe(target, self._deps.ports)
        seen = settled.digest(stored, observed) if reconciler.steady else b""
        if request is None and self._settled.holds(target.ref, seen):
            return replace(report, settled=True)
        plan = reconciler.plan(target, observed)
        relapsed = lasting.undone(self._deps, target, plan)
        self._deps.checkpoint("planned")
        step = self._escalation(target, plan, observed)
        todo = replace(plan, actions=(step.action,)) if step and step.action else plan
        taken: tuple[Taken, ...] = ()
        if acting.take(todo, request):
            observed = reconciler.observe(target, self._deps.ports)
            plan = reconciler.plan(target, observed)
            taken = acting.close(plan)
        verification = reconciler.verify(target, observed)
        self._deps.metrics.figures.note(target.ref, verification.figures)
        noted = request is not None and request.run is None
        kept = reconciler.remember(target, observed)
        if kept is not None:
            self._deps.memory.put(target.uid, kept)
        return replace(
            report,
            plan=plan,
            verification=verification,
            hold=acting.hold or (acting.asked.hold if noted else None),
            error=acting.error or (acting.asked.error if noted else None),
            taken=taken,
            request=_handled(request, acting),
            asked=acting.asked,
            digest=seen,
            relapsed=relapsed,
            escalation=step,
        )

    def _escalation(self, target: Target[Any], plan: Plan, observed: Any) -> Escalation | None:
        if not target.spec.escalation:
            return None
        reconciler = self._deps.reconcilers[target.ref.kind]
        found = reconciler.verify(target, observed)
        return escalation(self._deps.trail, target, reconciler.runbooks, plan, found)

    def _conclude(
        self, ref: ObjectRef, stored: JsonObject, target: Target[Any] | None, report: Report
    ) -> Outcome:
        if report.settled and target is not None:
            return Outcome(Result.SUCCESS, backoff.spread(target.spec.interval))
        previous = stored.get("status", {})
        if target is not None:
            report = self._assess(target, report)
        failures = _failures(previous, report)
        after = _after(target, report, failures)
        next_attempt = report.now + after if failures else None
        status = summary.summarize(previous, report, failures=failures, next_attempt=next_attempt)
        if target is not None and not failures:
            after = min(after, lasting.remaining(status, target) or after)
        status = self._deps.redactor.document(status)
        written = self._write(ref, previous, status)
        for what in announce.announcements(previous, status, report):
            self._deps.recorder.record(ref, stored["metadata"]["uid"], what, report.now)
        self._deps.checkpoint("concluded")
        failed = report.error is not None and not isinstance(report.error, Wait)
        well = summary.ready(report).status == "True"
        calm = report.breaker is None and not report.taken
        if well and not written and calm and report.plan and report.plan.in_sync:
            self._settled.note(ref, report.digest)
        else:
            self._settled.forget(ref)
        result = Result.ERROR if failed else Result.SUCCESS if well else Result.REQUEUE_AFTER
        return Outcome(result, after)

    def _assess(self, target: Target[Any], report: Report) -> Report:
        """Whether what was done helps: actions that did not last, and the breaker that counts them."""
        deps, acted = self._deps, bool(report.taken)
        worse = lasting.worsened(deps, target, summary.health(report), acted=acted)
        tried = acted or report.hold is not None or report.error is not None
        tripped = summary.BREAKER in target.status
        if not (tried or tripped or worse):
            return report
        found = breaker_of(LookUps(deps), target)
        closed = found.state is BreakerState.CLOSED
        if tripped or not closed:
            deps.metrics.note_breaker(target.ref, _LEVELS[found.state])
        relapsed = "; ".join(filter(None, (report.relapsed, worse)))
        return replace(report, breaker=None if closed else found, relapsed=relapsed)

    def _write(self, ref: ObjectRef, previous: JsonObject, status: JsonObject) -> bool:
        patch = mergepatch.difference(previous, status)
        if patch:
            self._deps.objects.patch(ref, {"status": patch}, actor=ACTOR, subresource="status")
            self._deps.metrics.status_writes.labels(ref.kind).inc()
        return bool(patch)

    def _measure_convergence(
        self, ref: ObjectRef, previous: JsonObject, report: Report, started: float
    ) -> None:
        ready = summary.ready(report).status == "True"
        began = self._convergence.ended(ref, previous, report, started=started, ready=ready)
        if began is not None:
            self._deps.metrics.convergence.labels(ref.kind).observe(time.monotonic() - began)

    def _measure(self, ref: ObjectRef, outcome: Outcome, seconds: float) -> None:
        metrics = self._deps.metrics
        metrics.passes.labels(ref.kind, str(outcome.result)).inc()
        metrics.seconds.labels(ref.kind).observe(seconds)
        if outcome.result is Result.ERROR:
            metrics.errors.labels(ref.kind).inc()
        metrics.last_pass.set_to_current_time()


def _handled(request: RunRequest | None, acting: Acting) -> RunRequest | None:
    """The request of an annotation, if nothing more is to be done for it; see Runs for the others."""
    if request is None or request.run is not None or request.action is None:
        return request if request is not None and request.run is None else None
    if acting.asked.refusal:
        return replace(request, refusal=acting.asked.refusal)
    return request if acting.asked.done else None


def _left_alone(target: Target[Any]) -> tuple[str, str] | None:
    if target.spec.suspend:
        return "Suspended", "suspended by spec.suspend: not looked at"
    if target.spec.mode is Mode.OFF:
        return "ModeOff", "spec.mode is Off: not looked at"
    return None


def _failures(previous: JsonObject, report: Report) -> int:
    """Failures in a row; something that is waited for is no failure."""
    unknown = report.plan is not None and bool(report.plan.unknown)
    failed = report.error is not None and not isinstance(report.error, Wait)
    if not (failed or unknown):
        return 0
    return int(previous.get("failureCount", 0)) + 1


def _after(target: Target[Any] | None, report: Report, failures: int) -> timedelta:
    """When to look again by itself."""
    interval = target.spec.interval if target else backoff.LONGEST
    if isinstance(report.error, Wait):
        return report.error.after
    if isinstance(report.error, Stalled):
        return interval
    if failures:
        cap = (target.spec.retry_interval if target else None) or interval
        wait = backoff.delay(failures, cap=cap)
        asked = report.error.after if isinstance(report.error, Retry) else None
        return max(wait, asked) if asked else wait
    again = _again(report)
    if report.hold is not None and report.hold.after is not None:
        return min(report.hold.after, again, interval)
    return min(_recheck(report, interval) or backoff.spread(interval), again)


def _again(report: Report) -> timedelta:
    """When to look again for the sake of a run, or of the next step of an escalation."""
    asked, step = report.asked, report.escalation
    held = asked.hold.after if asked.hold is not None else None
    times = (RETRY_RUN if asked.error else None, held, step.after if step else None)
    return min((time for time in times if time is not None), default=timedelta.max)


def _recheck(report: Report, interval: timedelta) -> timedelta | None:
    """An early look at what is under way or in doubt; what waits for a human can wait."""
    plan, verification = report.plan, report.verification
    if plan is None or plan.blocked is not None or report.hold is not None:
        return None
    if verification is not None and verification.recheck is not None:
        return min(verification.recheck, interval)
    under_way = bool(plan.drift) or (verification is not None and bool(verification.progress))
    return min(SOON, interval) if under_way else None
