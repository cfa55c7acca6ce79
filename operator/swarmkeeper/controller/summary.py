"""The summary: from a pass's report to the object's status. Pure; written once per pass by the engine.

Three verdicts, as in Argo CD: is it as declared (`sync`), does it work (`health`), how did the last
operation end (`lastOperation`)? `Ready` sums them up, and Unknown is never True.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.controller.escalation import UNHEALTHY_SINCE
from swarmkeeper.controller.guard import PENDING
from swarmkeeper.controller.report import Report, Taken
from swarmkeeper.controller.requests import HANDLED
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.conditions import Condition, Status, stamp
from swarmkeeper.runtime.errors import Stalled, Wait

DRIFT_SHOWN: Final = 10
BREAKER: Final = "breaker"
ESCALATION: Final = "escalation"
_KEPT: Final = ("lastOperation", "lastHandledReconcileAt", "lastAppliedRevision", HANDLED)


def summarize(
    previous: Mapping[str, Any],
    report: Report,
    *,
    failures: int = 0,
    next_attempt: datetime | None = None,
) -> JsonObject:
    """The new status.

    Args:
        previous: the stored status.
        report: what the pass found and did.
        failures: failures in a row, this one included.
        next_attempt: when the next attempt is due after a failure.
    """
    status: JsonObject = {key: previous[key] for key in _KEPT if key in previous}
    if report.verification is not None:
        status.update(report.verification.fields)
    elif report.plan is None or report.plan.unknown:
        status.update(_kind_fields(previous))
    status["observedGeneration"] = report.generation
    status["conditions"] = conditions.merge(
        previous.get("conditions", ()),
        _conditions(report, previous),
        generation=report.generation,
        now=report.now,
    )
    status["sync"], status["health"] = _sync(report), health(report)
    status.update(_drift(report, previous))
    status.update(_ill_health(report, previous))
    status.update(_bookkeeping(report, failures, next_attempt))
    if {**previous, "lastReconcileTime": None} != {**status, "lastReconcileTime": None}:
        status["lastReconcileTime"] = stamp(report.now)
    elif "lastReconcileTime" in previous:
        status["lastReconcileTime"] = previous["lastReconcileTime"]
    return status


def ready(report: Report) -> Condition:
    """The one condition to wait for."""
    status, reason, message = _ready(report)
    return Condition(conditions.READY, status, reason, message)


def _ready(report: Report) -> tuple[Status, str, str]:
    if report.left_alone is not None:
        return (Status.UNKNOWN, *report.left_alone)
    if report.error is not None:
        return Status.FALSE, report.error.reason, report.error.message
    plan, verification = report.plan, report.verification
    if plan is None or verification is None or plan.unknown:
        message = "; ".join(plan.unknown) if plan else "not looked at yet"
        return Status.UNKNOWN, conditions.OBSERVATION_FAILED, message
    if plan.blocked is not None:
        return (Status.FALSE, *plan.blocked)
    if report.waiting is not None:
        drift = f" ({_first_drift(report)})" if plan.drift else ""
        return Status.FALSE, report.waiting.reason, f"{report.waiting.message}{drift}"
    if verification.failure is not None:
        return (Status.FALSE, *verification.failure)
    if verification.progress:
        return Status.UNKNOWN, conditions.PROGRESSING, verification.progress
    if plan.drift:
        return Status.UNKNOWN, conditions.PROGRESSING, _first_drift(report)
    if verification.healthy is not True:
        status = Status.of(verification.healthy)
        return status, conditions.HEALTH_CHECK_FAILED, verification.message
    return Status.TRUE, conditions.SUCCEEDED, verification.message


def _conditions(report: Report, previous: Mapping[str, Any]) -> list[Condition]:
    found = [ready(report), *_abnormal(report)]
    if report.verification is not None:
        found.extend(report.verification.conditions)
    else:
        found.extend(_unknown_now(report, previous, {c.type for c in found}))
    return found


def _abnormal(report: Report) -> list[Condition]:
    """Conditions that are only there while they hold (kstatus: abnormal-true)."""
    found = []
    ready_ = ready(report)
    if _stalled(report):
        reason = ready_.reason if not report.refused else "InvalidDeclaration"
        message = report.refused or ready_.message
        found.append(Condition(conditions.STALLED, Status.TRUE, reason, message))
    elif ready_.reason == conditions.PROGRESSING:
        found.append(
            Condition(conditions.RECONCILING, Status.TRUE, conditions.PROGRESSING, ready_.message)
        )
    elif report.error is not None and not isinstance(report.error, Wait):
        found.append(
            Condition(
                conditions.RECONCILING,
                Status.TRUE,
                conditions.PROGRESSING_WITH_RETRY,
                ready_.message,
            )
        )
    if report.waiting is not None and report.waiting.pending is not None:
        found.append(
            Condition(
                conditions.APPROVAL_REQUIRED, Status.TRUE, "PlanPending", report.waiting.message
            )
        )
    if report.left_alone is not None:
        found.append(Condition(conditions.SUSPENDED, Status.TRUE, *report.left_alone))
    return found


def _stalled(report: Report) -> bool:
    blocked = report.plan is not None and report.plan.blocked is not None
    return bool(report.refused) or blocked or isinstance(report.error, Stalled)


def _unknown_now(report: Report, previous: Mapping[str, Any], present: set[str]) -> list[Condition]:
    """The kind's conditions of earlier, turned Unknown: what was not looked at is not known."""
    special = {
        conditions.RECONCILING,
        conditions.STALLED,
        conditions.SUSPENDED,
        conditions.APPROVAL_REQUIRED,
    }
    now = ready(report)
    return [
        Condition(old["type"], Status.UNKNOWN, now.reason, now.message)
        for old in previous.get("conditions", ())
        if old["type"] not in present | special
    ]


def _sync(report: Report) -> str:
    plan = report.plan
    if plan is None or plan.unknown or report.error is not None:
        return "Unknown"
    differs = plan.drift or plan.actions or plan.blocked or report.upgrade
    return "OutOfSync" if differs else "Synced"


def health(report: Report) -> str:
    """Does it work, as the pass found it?"""
    verification = report.verification
    if verification is None:
        return "Unknown"
    if verification.failure is not None:
        return "Degraded"
    if verification.progress:
        return "Progressing"
    if verification.healthy is None:
        return "Unknown"
    return "Healthy" if verification.healthy else "Degraded"


def _drift(report: Report, previous: Mapping[str, Any]) -> JsonObject:
    fields: JsonObject = {}
    sync = _sync(report)
    since = previous.get("driftSince")
    if sync == "OutOfSync":
        fields["driftSince"] = since or stamp(report.now)
    elif sync == "Unknown" and since and report.left_alone is None:
        fields["driftSince"] = since  # nobody has seen it in sync since
    drift = report.plan.drift if report.plan else ()
    if drift:
        fields["drift"] = [diff.as_status() for diff in drift[:DRIFT_SHOWN]]
        fields["driftTotal"] = len(drift)
    return fields


def _ill_health(report: Report, previous: Mapping[str, Any]) -> JsonObject:
    """Since when the object has not been healthy, and what was tried about it."""
    found = health(report)
    since = previous.get(UNHEALTHY_SINCE)
    if found == "Degraded":
        since = since or stamp(report.now)
    if found == "Healthy" or not since:
        return {}
    fields: JsonObject = {UNHEALTHY_SINCE: since}
    if report.escalation is not None:
        fields[ESCALATION] = report.escalation.document()
    elif ESCALATION in previous:
        fields[ESCALATION] = previous[ESCALATION]
    return fields


def _bookkeeping(report: Report, failures: int, next_attempt: datetime | None) -> JsonObject:
    fields: JsonObject = {}
    if report.requested_at:
        fields["lastHandledReconcileAt"] = report.requested_at
    if report.request is not None:
        fields[HANDLED] = report.request.value
    if report.revision and _sync(report) == "Synced":
        fields["lastAppliedRevision"] = report.revision
    if failures:
        fields["failureCount"] = failures
    if next_attempt is not None:
        fields["nextAttemptTime"] = stamp(next_attempt)
    if report.waiting is not None and report.waiting.pending is not None:
        fields[PENDING] = report.waiting.pending
    if report.breaker is not None and report.breaker.since is not None:
        fields[BREAKER] = {
            "state": str(report.breaker.state),
            "since": stamp(report.breaker.since),
            "failures": report.breaker.failures,
        }
    if report.taken:
        fields["lastOperation"] = _operation(report.taken[-1])
    return fields


def _operation(taken: Taken) -> JsonObject:
    return {
        "runbook": taken.action.runbook,
        "target": taken.action.target,
        "phase": "Succeeded" if taken.verified else "Applied",
        "startedAt": stamp(taken.started_at),
        "finishedAt": stamp(taken.started_at + timedelta(seconds=taken.seconds)),
        "message": taken.outcome,
    }


def _first_drift(report: Report) -> str:
    drift = report.plan.drift if report.plan else ()
    if not drift:
        return "drift"
    more = f" and {len(drift) - 1} more" if len(drift) > 1 else ""
    return f"{drift[0]}{more}"


_ENGINE_FIELDS: Final = frozenset(
    {
        *_KEPT,
        *("observedGeneration", "conditions", "sync", "health", "drift", "driftTotal"),
        *("failureCount", "nextAttemptTime", "lastReconcileTime", PENDING, BREAKER),
        *("driftSince", UNHEALTHY_SINCE, ESCALATION),
    }
)


def _kind_fields(previous: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in previous.items() if key not in _ENGINE_FIELDS}
