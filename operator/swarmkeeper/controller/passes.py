"""The pass: observe, plan, guard, act, observe, verify, status. One object, one thread, start to end."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from desired_state.objects import JsonObject, Mode, ObjectRef
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
from swarmkeeper.controller.guard.breaker import BreakerState, breaker_of
from swarmkeeper.controller.lookups import LookUps
from swarmkeeper.controller.names import ACTOR, REFUSED, REQUESTED_AT
from swarmkeeper.controller.pass_context import pass_context
from swarmkeeper.controller.report import Report, Taken
from swarmkeeper.controller.requests import RunRequest
from swarmkeeper.controller.settled import Settled
from swarmkeeper.controller.targets import Targets
from swarmkeeper.runtime import mergepatch
from swarmkeeper.runtime.errors import ReconcileError, Retry, Stalled, Wait
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import SwarmError

logger = logging.getLogger(__name__)
SOON: Final = timedelta(seconds=1)


class Result(StrEnum):
    """How a pass ended, in controller-runtime's words."""

    SUCCESS = "success"
    ERROR = "error"
    REQUEUE_AFTER = "requeue_after"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes after a pass.

    Attributes:
        result: for metrics.
        after: when to look again by itself; None: the object is gone.
    """

    result: Result
    after: timedelta | None


_LEVELS: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
GONE: Final = Outcome(Result.SUCCESS, None)


class Passes:
    """Runs passes; safe to share between worker threads, one pass at a time for an object.

    Args:
        deps: the controller's parts.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._targets = Targets(deps)
        self._settled = Settled()
        self._convergence = Convergence()

    def run(self, ref: ObjectRef) -> Outcome:
        """Looks at one object, corrects it where that is wanted, and writes its status."""
        stored = self._deps.objects.get(ref)
        if stored is None:
            self._targets.forget(ref, "")
            self._settled.forget(ref)
            self._convergence.forget(ref)
            self._deps.metrics.forget_breaker(ref)
            return GONE
        started, reconcile_id = time.monotonic(), uuid.uuid4().hex[:8]
        with pass_context(self._deps, ref, stored, reconcile_id) as span:
            try:
                outcome = self._run(ref, stored, started, reconcile_id)
            except ApiError as error:
                # The object changed or went away under the pass: look again at what is there now.
                logger.info("pass interrupted", extra={"error": str(error)})
                outcome = Outcome(Result.REQUEUE_AFTER, SOON)
            span.note("result", str(outcome.result))
        self._measure(ref, outcome, time.monotonic() - started)
        return outcome

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
            target = self._targets.build(ref, stored, now)
            acting = Acting(
                self._deps,
                finalizing.GUARD if deleting else self._deps.guard,
                target,
                report.revision,
                reconcile_id,
                started,
                stored["metadata"].get("annotations", {}),
            )
            if deleting:
                report = finalizing.finalize(self._deps, acting, report)
            else:
                report = self._look(acting, stored, report)
        except ReconcileError as error:
            report = replace(report, error=error)
        except SwarmError as error:
            report = replace(report, error=Retry(str(error), reason="EngineRefused"))
        except ApiError:
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

    def _look(self, acting: Acting, stored: JsonObject, report: Report) -> Report:
        """Observe, plan, act, observe, verify."""
        target = acting.target
        if (left_alone := _left_alone(target)) is not None:
            return replace(report, left_alone=left_alone)
        reconciler = self._deps.reconcilers[target.ref.kind]
        observed = reconciler.observe(target, self._deps.ports)
        request = requests.pending(target.ref, stored, reconciler.runbooks)
        seen = settled.digest(stored, observed) if reconciler.steady else b""
        if request is None and self._settled.holds(target.ref, seen):
            return replace(report, settled=True)
        plan = reconciler.plan(target, observed)
        relapsed = lasting.undone(self._deps, target, plan)
        self._deps.checkpoint("planned")
        taken: tuple[Taken, ...] = ()
        if acting.take(plan, request.action if request else None):
            observed = reconciler.observe(target, self._deps.ports)
            plan = reconciler.plan(target, observed)
            taken = acting.close(plan)
        verification = reconciler.verify(target, observed)
        kept = reconciler.remember(target, observed)
        if kept is not None:
            self._deps.memory.put(target.uid, kept)
        return replace(
            report,
            plan=plan,
            verification=verification,
            hold=acting.hold,
            error=acting.error,
            taken=taken,
            request=_handled(request, acting, taken),
            digest=seen,
            relapsed=relapsed,
        )

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


def _handled(
    request: RunRequest | None, acting: Acting, taken: tuple[Taken, ...]
) -> RunRequest | None:
    """The request, if nothing more is to be done for it; what is held or failed is tried again."""
    if request is None or request.action is None:
        return request
    if isinstance(acting.error, Stalled):
        return replace(request, refusal=acting.error.message)
    return request if any(step.action is request.action for step in taken) else None


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
    if report.hold is not None and report.hold.after is not None:
        return min(report.hold.after, interval)
    return _recheck(report, interval) or backoff.spread(interval)


def _recheck(report: Report, interval: timedelta) -> timedelta | None:
    """An early look at what is under way or in doubt; what waits for a human can wait."""
    plan, verification = report.plan, report.verification
    if plan is None or plan.blocked is not None or report.hold is not None:
        return None
    if verification is not None and verification.recheck is not None:
        return min(verification.recheck, interval)
    under_way = bool(plan.drift) or (verification is not None and bool(verification.progress))
    return min(SOON, interval) if under_way else None
