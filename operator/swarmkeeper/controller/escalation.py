"""What is tried when an object stays unhealthy though nothing differs: the declared steps, one by one.

An episode begins when health becomes bad (`status.unhealthySince`) and ends when it is good again. Each
step is taken once in an episode; the audit trail says which were, so a restart forgets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from desired_state.objects import EscalationStep, JsonObject
from swarmkeeper.controller.runs.refusal import find, unknown
from swarmkeeper.runtime.errors import Stalled
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.runbook import Runbook
from swarmkeeper.store.audit import OUTCOMES, AuditTrail, Entry, Record

UNHEALTHY_SINCE: Final = "unhealthySince"
_ROUNDING: Final = timedelta(seconds=1)  # the status has whole seconds


@dataclass(frozen=True, slots=True)
class Escalation:
    """How far an episode is.

    Attributes:
        taken: how many of the steps were tried or could not be.
        of: how many there are.
        action: the step that is due, or None.
        after: when the next one is due, or None.
    """

    taken: int
    of: int
    action: Action | None = None
    after: timedelta | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to try."""
        return self.taken == self.of

    def document(self) -> JsonObject:
        """As `status.escalation`."""
        return {"taken": self.taken, "of": self.of, "exhausted": self.exhausted}


def escalation(
    trail: AuditTrail,
    target: Target[Any],
    runbooks: tuple[Runbook, ...],
    plan: Plan,
    found: Verification,
) -> Escalation | None:
    """The step that is due on an object, or None for one that is well or has other things to do.

    Args:
        trail: what was tried already.
        target: the object, with its status before the pass.
        runbooks: those of its kind.
        plan: what its kind would do.
        found: what the kind says of the same observation.

    Raises:
        Stalled: a step names no runbook of the kind.
    """
    steps = target.spec.escalation
    if not steps or plan.actions or plan.unknown or found.progress or not _bad(found):
        return None
    began = target.status.get(UNHEALTHY_SINCE)
    since = datetime.fromisoformat(began) if began else target.now
    before = _last_before(trail, target, since)
    due = since
    for number, step in enumerate(steps):
        runbook = _runbook(step, number, runbooks, before)
        if runbook is None:
            continue
        action = _action(target, step, number, runbook, since)
        latest = trail.latest(target.uid, action.key(target.uid, target.generation))
        due += step.after
        if latest is None or latest.entry not in _ENDED:
            left = due - target.now
            if left > timedelta(0):
                return Escalation(number, len(steps), after=left)
            return Escalation(number, len(steps), action)
        if found.failure is not None and found.failure[0] in runbook.leaves:
            return None  # it shows what the step is for
        due = max(due, datetime.fromisoformat(latest.at))
    return Escalation(len(steps), len(steps))


_ENDED: Final = (*OUTCOMES, Entry.RELAPSED)


def _bad(found: Verification) -> bool:
    return found.failure is not None or found.healthy is False


def _runbook(
    step: EscalationStep, number: int, runbooks: tuple[Runbook, ...], before: Record | None
) -> Runbook | None:
    """The runbook of a step; None where there is nothing to revert."""
    if not step.revert:
        runbook = find(runbooks, step.runbook)
        if runbook is None:
            said = unknown(step.runbook, runbooks)
            raise Stalled(f"spec.escalation[{number}].runbook: {said}", reason="UnknownRunbook")
        return runbook
    return find(runbooks, before.step.revert) if before is not None else None


def _action(
    target: Target[Any], step: EscalationStep, number: int, runbook: Runbook, since: datetime
) -> Action:
    began = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    parameters = {**step.parameters, "run": f"{target.uid}.{began}.{number}"}
    return Action(
        runbook=runbook.name,
        target=str(target.ref),
        before={},
        after=dict(parameters),
        reason=f"unhealthy since {began}: step {number + 1} of spec.escalation",
        risk=runbook.risk,
        parameters=parameters,
    )


def _last_before(trail: AuditTrail, target: Target[Any], since: datetime) -> Record | None:
    """The action that bad health followed: the last one that was taken shortly before."""
    start = since - target.spec.healthy_delay - target.spec.timeout
    taken = [
        record
        for record in trail.history(target.uid, start)
        if record.entry in {Entry.SUCCEEDED, Entry.APPLIED}
        and datetime.fromisoformat(record.at) < since + _ROUNDING
    ]
    return taken[-1] if taken else None
