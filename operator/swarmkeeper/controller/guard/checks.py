"""The checks that exist so far; windows, approval, breaker and lease take their places here."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from desired_state.fields import format_duration
from desired_state.objects import Dependency, Mode, ObjectRef
from swarmkeeper.controller.guard.guard import Check, Hold, Question
from swarmkeeper.runtime import conditions

DEPENDENCY_RECHECK: Final = timedelta(seconds=30)


def suspended(question: Question) -> Hold | None:
    """Holds everything on an object with `suspend: true`."""
    if not question.target.spec.suspend:
        return None
    return Hold(conditions.SUSPENDED, "suspended by spec.suspend", on_purpose=True)


def mode(question: Question) -> Hold | None:
    """Holds everything unless the mode is Enforce."""
    current = question.target.spec.mode
    if current is Mode.ENFORCE:
        return None
    return Hold(
        conditions.DRIFT_DETECTED,
        f"drift is only reported: spec.mode is {current}",
        on_purpose=True,
    )


def dependencies(question: Question) -> Hold | None:
    """Holds until every object in `dependsOn` is Ready at its current generation."""
    for dependency in question.target.spec.depends_on:
        ref = _ref(dependency, question.target.ref.namespace)
        problem = _not_ready(question, ref)
        if problem:
            return Hold(
                conditions.DEPENDENCY_NOT_READY, f"{ref} {problem}", after=DEPENDENCY_RECHECK
            )
    return None


def limits(question: Question) -> Hold | None:
    """Holds when the object has used up its budget of actions for the period."""
    budget = question.target.spec.limits
    since = question.target.now - budget.per
    begun = question.world.actions_since(question.target.uid, since)
    if begun < budget.max_actions:
        return None
    return Hold(
        "LimitReached",
        f"{begun} actions in the last {format_duration(budget.per)}: the limit of"
        f" spec.limits.maxActions={budget.max_actions} is reached; something keeps undoing them",
        after=min(budget.per, DEPENDENCY_RECHECK),
    )


CHECKS: Final[tuple[Check, ...]] = (suspended, mode, dependencies, limits)


def _ref(dependency: Dependency, namespace: str) -> ObjectRef:
    return ObjectRef(dependency.kind, dependency.name, dependency.namespace or namespace)


def _not_ready(question: Question, ref: ObjectRef) -> str:
    stored = question.world.stored(ref)
    if stored is None:
        return "does not exist"
    ready = conditions.find(stored.get("status", {}).get("conditions", ()), conditions.READY)
    if ready is None:
        return "was not looked at yet"
    if ready.get("observedGeneration") != stored["metadata"].get("generation"):
        return "has changed and was not looked at since"
    if ready["status"] != conditions.Status.TRUE:
        return f"is not Ready: {ready.get('message') or ready.get('reason')}"
    return ""
