"""Does the service work? Judged by its health URLs, its tasks, and what was known before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from reconcilers.swarm_service.observe import Observed, Probe
from reconcilers.swarm_service.parts import Health
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import Rollout
from swarmkeeper.runtime.conditions import HEALTH_CHECK_FAILED, HEALTHY, Condition, Status, find
from swarmkeeper.runtime.reconciler import Target

SPACING: Final = timedelta(seconds=1)
"""Failures closer together count as one: events can cause several looks in a moment."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the service works.

    Attributes:
        condition: the condition Healthy.
        doubt: failures that are not enough for a verdict yet, or empty; look again soon.
        counter: `status.healthCheck`, or empty while nothing fails.
    """

    condition: Condition
    doubt: str = ""
    counter: Mapping[str, Any] = field(default_factory=dict)


def judge(target: Target[SwarmServiceSpec], observed: Observed, rollout: Rollout) -> Verdict:
    """The verdict on a fresh observation."""
    if rollout.desired > 0 and rollout.running == 0:
        if not rollout.errors and _known(target) is None:
            return _verdict(Status.UNKNOWN, "Starting", "no task has run yet")
        why = f"no task runs: {'; '.join(rollout.errors)}" if rollout.errors else "no task runs"
        return _verdict(Status.FALSE, "NoRunningTasks", why)
    if rollout.crashing:
        why = "; ".join(("tasks end again and again", *rollout.failures))
        return _verdict(Status.FALSE, "TasksFailing", why)
    health = target.spec.health
    if health is None:
        return _verdict(Status.TRUE, "TasksRunning", "")
    if rollout.desired == 0:
        return _verdict(Status.TRUE, "NothingToAsk", "no task is wanted")
    if observed.probes is None:
        return _as_before(target)
    failed = next((probe for probe in observed.probes if probe.problem), None)
    if failed is None:
        return _verdict(Status.TRUE, "HealthCheckPassed", f"{len(observed.probes)} URLs answer")
    return _count(target, health, failed)


def _count(target: Target[SwarmServiceSpec], health: Health, failed: Probe) -> Verdict:
    counter = _counter(target.status.get("healthCheck") or {}, health.failure_threshold, target.now)
    text = f"{failed.url}: {failed.problem}"
    if counter["failures"] >= health.failure_threshold:
        return Verdict(Condition(HEALTHY, Status.FALSE, HEALTH_CHECK_FAILED, text), counter=counter)
    doubt = f"health check failed {counter['failures']} of {health.failure_threshold} times"
    return Verdict(_as_before(target).condition, f"{doubt}: {text}", counter)


def _counter(known: Mapping[str, Any], threshold: int, now: datetime) -> dict[str, Any]:
    failures = int(known.get("failures", 0))
    last = known.get("failedAt")
    too_soon = last is not None and now - datetime.fromisoformat(last) < SPACING
    if failures >= threshold or too_soon:
        return dict(known)
    return {"failures": failures + 1, "failedAt": now.isoformat(timespec="milliseconds")}


def _as_before(target: Target[SwarmServiceSpec]) -> Verdict:
    known = _known(target)
    if known is None:
        return _verdict(Status.UNKNOWN, "NotYetAsked", "no health URL has answered yet")
    return Verdict(known, counter=target.status.get("healthCheck") or {})


def _known(target: Target[SwarmServiceSpec]) -> Condition | None:
    """What an earlier pass said, if it knew."""
    found = find(target.status.get("conditions") or (), HEALTHY)
    if found is None or found["status"] == Status.UNKNOWN:
        return None
    return Condition(HEALTHY, Status(found["status"]), found["reason"], found["message"])


def _verdict(status: Status, reason: str, message: str) -> Verdict:
    return Verdict(Condition(HEALTHY, status, reason, message))
