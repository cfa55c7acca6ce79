"""How far a run is after a pass over its target. Pure."""

from __future__ import annotations

from swarmkeeper.controller.guard import Hold
from swarmkeeper.controller.report import Report
from swarmkeeper.controller.runs.run import Phase, Run
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.runbook import Runbook

Verdict = tuple[Phase, str, str, Hold | None]


def verdict(run: Run, runbook: Runbook, report: Report) -> Verdict | None:
    """Phase, reason, message and hold of a run, or None where the pass says nothing about it.

    Args:
        run: what was asked for.
        runbook: which it names.
        report: what the pass found on the target.
    """
    asked = report.asked
    if report.left_alone is not None:
        reason, message = report.left_alone
        return run.phase, reason, f"{run.target} is left alone: {message}", None
    if asked.refusal:
        return Phase.FAILED, "Refused", asked.refusal, None
    if asked.hold is not None:
        return run.phase, asked.hold.reason, asked.hold.message, asked.hold
    if asked.under_way:
        return Phase.RUNNING, conditions.PROGRESSING, asked.under_way, None
    if asked.error is not None:
        return Phase.RUNNING, conditions.PROGRESSING_WITH_RETRY, asked.error.message, None
    return (*_of_target(runbook, report), None) if asked.done else None


def _of_target(runbook: Runbook, report: Report) -> tuple[Phase, str, str]:
    """The step was taken: now the object must be well."""
    plan, found = report.plan, report.verification
    if plan is None or found is None or plan.unknown:
        message = "; ".join(plan.unknown) if plan else "the target could not be looked at"
        return Phase.RUNNING, conditions.OBSERVATION_FAILED, message
    if found.progress:
        return Phase.RUNNING, conditions.PROGRESSING, found.progress
    if found.failure is not None and found.failure[0] not in runbook.leaves:
        return (Phase.FAILED, *found.failure)
    if found.failure is None and found.healthy is not True:
        return Phase.RUNNING, conditions.HEALTH_CHECK_FAILED, found.message
    return Phase.SUCCEEDED, "Succeeded", f"{report.asked.outcome}; {found.message}"
