"""After the step of a run: are the objects well that its runbook has an effect on?

What they showed before the step says nothing. So each is looked at again, by the annotation that people
use for that, once it has been Ready for long enough; only the answer to such a look counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from desired_state.fields import format_duration
from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.guard.dependencies import not_ready, ref_of
from swarmkeeper.controller.names import ACTOR, REQUESTED_AT
from swarmkeeper.controller.runs.run import Phase
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.ports import ApiError, Objects
from swarmkeeper.runtime.runbook import HealthChecks

PENDING: Final = "HealthChecksPending"
"""Reason of a run whose step was taken, while others are not known to be well."""
POLL: Final = timedelta(seconds=2)
"""How often a run looks whether they are well."""
_ASK_AGAIN: Final = timedelta(seconds=10)
_SHOWN: Final = 3

Found = tuple[Phase, str, str]


def health(
    objects: Objects, namespace: str, checks: HealthChecks, since: datetime, now: datetime
) -> Found | None:
    """What a run must still wait for, or has failed by; None where all objects are well.

    Args:
        objects: the API.
        namespace: of the run.
        checks: which objects, and how long.
        since: when the step was taken.
        now: the time.
    """
    found = (ref_of(each, namespace) for each in checks.objects)
    unwell = [
        f"{ref} {problem}"
        for ref in found
        if (problem := _problem(objects, ref, since, checks.delay, now))
    ]
    if not unwell:
        return None
    more = f"; and {len(unwell) - _SHOWN} more" if len(unwell) > _SHOWN else ""
    text = "; ".join(unwell[:_SHOWN]) + more
    if now - since > checks.timeout:
        text = f"not well {format_duration(checks.timeout)} after it: {text}"
        return Phase.FAILED, conditions.HEALTH_CHECK_FAILED, f"{text}. Way back: {checks.way_back}"
    text = f"waits until all is well after it: {text}. If it stays so: {checks.way_back}"
    return Phase.RUNNING, PENDING, text


def _problem(
    objects: Objects, ref: ObjectRef, since: datetime, delay: timedelta, now: datetime
) -> str:
    """What is wrong with an object, or not known yet; a look is asked for where one is missing."""
    try:
        stored = objects.get(ref)
    except ApiError as error:
        return f"can't be looked at: {error.message}"
    problem = not_ready(stored)
    if stored is None:
        return problem
    status = stored.get("status", {})
    asked = _time(stored["metadata"].get("annotations", {}).get(REQUESTED_AT), now)
    if problem:
        if asked is None or asked < since or now - asked >= _ASK_AGAIN:
            _ask(objects, ref, now)
        return problem
    steady = max(since, _ready_since(status)) + delay
    seen = _time(status.get("lastHandledReconcileAt"), now)
    if seen is not None and seen >= steady:
        return ""
    if now >= steady and (asked is None or asked < steady):
        _ask(objects, ref, now)
    return f"is Ready, and must stay so for {format_duration(delay)}"


def _ready_since(status: JsonObject) -> datetime:
    ready = conditions.find(status["conditions"], conditions.READY) or {}
    return datetime.fromisoformat(ready["lastTransitionTime"])


def _time(value: Any, now: datetime) -> datetime | None:
    """When a look was asked for; people may write there what they like, and the future says nothing."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None and found <= now else None


def _ask(objects: Objects, ref: ObjectRef, now: datetime) -> None:
    annotations = {REQUESTED_AT: now.isoformat(timespec="microseconds")}
    objects.patch(ref, {"metadata": {"annotations": annotations}}, actor=ACTOR)
