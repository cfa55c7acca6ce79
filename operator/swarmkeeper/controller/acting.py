"""Taking the actions of a plan: guard, intent, step, fresh look, outcome.

An intent without an outcome means that the process died, or that the engine did not answer, between
the two. The next pass asks the world: if it would plan the very same step, the step did not happen and
is resumed under the same id; otherwise it did, or is no longer wanted, and the record is closed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from desired_state.fields import format_duration
from desired_state.objects import Approval
from swarmkeeper.controller.asked import Asked
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard import Guard, Hold, Question
from swarmkeeper.controller.guard.approval import is_needed
from swarmkeeper.controller.lookups import LookUps
from swarmkeeper.controller.names import APPROVE, APPROVED_BY, REVISION
from swarmkeeper.controller.report import Taken
from swarmkeeper.controller.requests import RunRequest
from swarmkeeper.controller.runs.run import Run
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.diff import mask_document
from swarmkeeper.runtime.errors import ReconcileError, Retry, Stalled, UnderWay
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.reconciler import Reconciler, Target
from swarmkeeper.runtime.swarm import SwarmError, SwarmUnavailable
from swarmkeeper.store.audit import Entry, Record, Step

logger = logging.getLogger(__name__)
_TAKEN: Final = (Entry.SUCCEEDED, Entry.APPLIED)


@dataclass(slots=True)
class Attempt:
    """One action that was begun in this pass and whose outcome is not written yet."""

    id: str
    action: Action
    step: Step
    outcome: str
    drift: tuple[Any, ...]
    started_at: datetime
    seconds: float


@dataclass(slots=True)
class Acting:
    """Takes the actions of one pass.

    Attributes:
        deps: the controller's parts.
        guard: which guard to ask.
        target: the object.
        revision: of the source at which the object was last changed.
        reconcile_id: of the pass.
        started: monotonic start of the pass.
        annotations: of the object: approvals.
        begin: told of the run whose step is about to be taken.
        attempts: actions that were taken and are not closed yet.
        hold: why an action of the plan was not taken, or None.
        error: why one failed, or None; its outcome is written, unless it is not known.
        asked: what became of the step that people have asked for.
        under_way: a planned step goes on outside of the pass.
    """

    deps: Deps
    guard: Guard
    target: Target[Any]
    revision: str
    reconcile_id: str
    started: float
    annotations: Mapping[str, str] = field(default_factory=dict)
    begin: Callable[[Run], None] = lambda _: None
    attempts: list[Attempt] = field(default_factory=list)
    hold: Hold | None = None
    error: ReconcileError | None = None
    asked: Asked = field(default_factory=Asked)
    under_way: bool = False

    def take(self, plan: Plan, request: RunRequest | None = None) -> bool:
        """Takes the actions in order, until one is held or fails.

        Args:
            plan: what the kind would do.
            request: what people have asked for; it goes first, and holds up nothing that is planned.

        Returns:
            Whether the world may have changed, so that it must be looked at again.
        """
        asked = request.action if request is not None else None
        actions = (asked, *plan.actions) if asked is not None else plan.actions
        self._follow(plan, actions)
        if self.error is not None:
            return True
        interrupted = self._interrupted(plan, actions)
        if request is not None and asked is not None:
            self._take_asked(plan, request, asked, interrupted)
        for action in plan.actions:
            if asked is not None and self._step(action).step == self._step(asked).step:
                continue  # it was what people have asked for, and had its turn
            question = Question(
                self.target,
                plan.actions,
                action,
                LookUps(self.deps),
                annotations=self.annotations,
            )
            try:
                self.hold = self._attempt(plan, question, interrupted)
            except UnderWay:
                self.under_way = True
            except ReconcileError as error:
                self.error = error
            if self.hold is not None or self.error is not None or self.under_way:
                break
        errors = (self.error, self.asked.error)
        going_on = self.under_way or bool(self.asked.under_way)
        return bool(self.attempts) or going_on or any(error is not None for error in errors)

    def _follow(self, plan: Plan, actions: tuple[Action, ...]) -> None:
        """Asks how steps end that go on and are not planned any more, most often for having ended."""
        wanted = {action.key(self.target.uid, self.target.generation) for action in actions}
        for record, action in self.deps.trail.under_way(self.target.uid):
            if record.step.step in wanted:
                continue
            try:
                self._take_one(plan, action, record.step, record.action)
            except UnderWay:
                self.under_way = True
            except ReconcileError as error:
                self.error = error

    def _take_asked(
        self,
        plan: Plan,
        request: RunRequest,
        action: Action,
        interrupted: Mapping[str, Record],
    ) -> None:
        """Takes the step that people have asked for, once."""
        asked, run = self.asked, request.run
        latest = self.deps.trail.latest(self.target.uid, self._step(action).step)
        if latest is not None and latest.entry in _TAKEN:
            asked.done, asked.outcome = True, latest.outcome
            asked.at = datetime.fromisoformat(latest.at)
            return
        if plan.unknown:
            asked.hold = Hold(conditions.OBSERVATION_FAILED, "; ".join(plan.unknown))
            return
        question = Question(
            self.target,
            (action,),
            action,
            LookUps(self.deps),
            by_hand=True,
            annotations=run.annotations if run else self.annotations,
            asked_by=run.ref if run else None,
            strict=run is not None and run.spec.approval is Approval.REQUIRED,
        )
        try:
            asked.hold = self._attempt(plan, question, interrupted, run)
        except UnderWay as error:
            asked.under_way = error.message
        except Stalled as error:
            asked.refusal = error.message
        except ReconcileError as error:
            asked.error = error
        else:
            asked.done = asked.hold is None
            if asked.done:
                asked.outcome = self.attempts[-1].outcome
                asked.at = self.deps.ports.clock.now()

    def _require_time(self) -> None:
        """A pass that has taken too long begins nothing more; each call has its own time-out."""
        timeout = self.target.spec.timeout
        if time.monotonic() - self.started > timeout.total_seconds():
            message = f"the pass took longer than spec.timeout={format_duration(timeout)}"
            raise Retry(message, reason="Timeout")

    def close(self, fresh: Plan) -> tuple[Taken, ...]:
        """Writes the outcomes, now that the world was looked at again.

        Args:
            fresh: a plan on an observation made after the last action.
        """
        if self.attempts:
            self.deps.require_lease()  # else a successor has closed them, or will
        wanted = {action.key(self.target.uid, self.target.generation) for action in fresh.actions}
        taken = []
        for attempt in self.attempts:
            verified = attempt.step.step not in wanted and not fresh.unknown
            entry = Entry.SUCCEEDED if verified else Entry.APPLIED
            self.deps.trail.finish(
                attempt.id,
                entry,
                attempt.step,
                outcome=attempt.outcome,
                verification=_verification(fresh, verified=verified),
            )
            self.deps.checkpoint("finished")
            self._count(attempt.action, entry)
            taken.append(
                Taken(
                    attempt.action,
                    attempt.outcome,
                    attempt.drift,
                    verified,
                    attempt.started_at,
                    attempt.seconds,
                )
            )
        self.attempts.clear()
        self.deps.checkpoint("closed")
        return tuple(taken)

    def _interrupted(self, plan: Plan, actions: tuple[Action, ...]) -> dict[str, Record]:
        """Open intents that are still asked for, by key; the others are closed here."""
        wanted = {action.key(self.target.uid, self.target.generation) for action in actions}
        found: dict[str, Record] = {}
        if plan.unknown:
            return found
        going_on = {record.action for record, _ in self.deps.trail.under_way(self.target.uid)}
        for record in self.deps.trail.unfinished(self.target.uid):
            if record.action in going_on:
                continue
            if record.step.step in wanted:
                found[record.step.step] = record
                continue
            done = plan.in_sync or self._is_done(record.step, actions)
            self.deps.trail.finish(
                record.action,
                Entry.SUCCEEDED if done else Entry.SUPERSEDED,
                record.step,
                outcome="interrupted; found done" if done else "interrupted; not wanted now",
                verification=_verification(plan, verified=done),
            )
        return found

    def _is_done(self, step: Step, actions: tuple[Action, ...]) -> bool:
        """Whether an interrupted step was taken: what it is for is wanted still, and itself no more."""
        alike = any(a.runbook == step.runbook and a.target == step.target for a in actions)
        return step.generation == self.target.generation and not alike

    def _attempt(
        self,
        plan: Plan,
        question: Question,
        interrupted: Mapping[str, Record],
        run: Run | None = None,
    ) -> Hold | None:
        """Takes one action, unless the guard holds it.

        Raises:
            ReconcileError: it failed.
        """
        step = self._step(question.action)
        for record, action in self.deps.trail.under_way(self.target.uid):
            if record.step.step == step.step:
                # It is only followed: the guard was asked when it began.
                self._take_one(plan, action, step, record.action)
                return None
        question = replace(question, resumed=step.step in interrupted)
        with self.deps.admission:
            hold = None if question.action.completes else self._held(question)
            if hold is not None:
                return hold
            self._require_time()
            if run is not None:
                self.begin(run)
            action_id = self._intend(question, step, interrupted.get(step.step))
        self._take_one(plan, question.action, step, action_id)
        return None

    def _held(self, question: Question) -> Hold | None:
        with self.deps.tracer.span("guard", runbook=question.action.runbook) as span:
            hold = self.guard.hold(question)
            if hold is not None:
                span.note("hold", hold.reason)
            return hold

    def _intend(self, question: Question, step: Step, interrupted: Record | None) -> str:
        """Writes the intent, and the approval that it makes use of; gives the action's id."""
        if interrupted is not None:
            action_id = self.deps.trail.resume(interrupted.action, step)
        else:
            action_id = self.deps.trail.intend(step)
        if is_needed(question):
            self.deps.trail.approve(action_id, step, _approval(question.annotations))
        return action_id

    def _take_one(self, plan: Plan, action: Action, step: Step, action_id: str) -> None:
        started_at = self.deps.ports.clock.now()
        self.deps.checkpoint("intended")
        self.deps.require_lease()  # it may have been paused since the intent
        outcome = self._act(action_id, action, step)
        self.deps.checkpoint("acted")
        seconds = time.monotonic() - self.started
        self.deps.metrics.correction.labels(self.target.ref.kind, action.runbook).observe(seconds)
        drift = _drift_of(plan, action)
        self.attempts.append(Attempt(action_id, action, step, outcome, drift, started_at, seconds))

    def _act(self, action_id: str, action: Action, step: Step) -> str:
        reconciler: Reconciler[Any, Any] = self.deps.reconcilers[self.target.ref.kind]
        try:
            return reconciler.act(self.target, action, self.deps.ports)
        except SwarmUnavailable as error:
            # Whether the engine took it is not known: the intent stays open for the next pass.
            raise Retry(str(error), reason="EngineUnavailable") from error
        except UnderWay:
            self.deps.trail.note_under_way(action_id, action)
            raise
        except ReconcileError as error:
            self._failed(action_id, action, step, error.message)
            raise
        except SwarmError as error:
            self._failed(action_id, action, step, str(error))
            raise Retry(str(error), reason="EngineRefused") from error
        except Exception as error:
            logger.exception("step failed", extra={"object": step.object, "step": step.runbook})
            self.deps.metrics.panics.labels(self.target.ref.kind).inc()
            why = f"{type(error).__name__}: {error}"
            self._failed(action_id, action, step, why)
            raise Retry(why, reason="InternalError") from error

    def _failed(self, action_id: str, action: Action, step: Step, why: str) -> None:
        self.deps.trail.finish(action_id, Entry.FAILED, step, outcome=why)
        self._count(action, Entry.FAILED)

    def _count(self, action: Action, entry: Entry) -> None:
        self.deps.metrics.actions.labels(self.target.ref.kind, action.runbook, str(entry)).inc()

    def _step(self, action: Action) -> Step:
        reconciler: Reconciler[Any, Any] = self.deps.reconcilers[self.target.ref.kind]
        runbook = next((r for r in reconciler.runbooks if r.name == action.runbook), None)
        return Step(
            object=str(self.target.ref),
            uid=self.target.uid,
            generation=self.target.generation,
            revision=self.revision,
            reconcile_id=self.reconcile_id,
            runbook=action.runbook,
            target=action.target,
            step=action.key(self.target.uid, self.target.generation),
            reason=action.reason,
            before=mask_document(action.before),
            after=mask_document(action.after),
            revert=runbook.revert if runbook else "",
        )


def _approval(annotations: Mapping[str, str]) -> str:
    plan, by = annotations.get(APPROVE, ""), annotations.get(APPROVED_BY, "")
    return f"plan {plan} was approved" + (f" by {by}" if by else "")


def revision_of(stored: dict[str, Any]) -> str:
    """The source revision at which an object was last changed, or empty."""
    return str(stored["metadata"].get("annotations", {}).get(REVISION, ""))


def _drift_of(plan: Plan, action: Action) -> tuple[Any, ...]:
    """The drift that one action corrects: all of it, unless the action names its fields."""
    mine = tuple(diff for diff in plan.drift if diff.path in action.after)
    return mine or (plan.drift if len(plan.actions) == 1 else ())


def _verification(plan: Plan, *, verified: bool) -> str:
    if plan.unknown:
        return "unknown: " + "; ".join(plan.unknown)
    if verified:
        return "in sync" if plan.in_sync else "done; other drift is left"
    rest: Sequence[str] = [str(diff) for diff in plan.drift[:3]]
    return "not seen yet: " + "; ".join(rest)
