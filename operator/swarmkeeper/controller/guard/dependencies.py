"""What an object depends on comes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from desired_state.objects import Dependency, ObjectRef
from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.runtime import conditions

RECHECK: Final = timedelta(seconds=30)


def dependencies(question: Question) -> Hold | None:
    """Holds until every object in `dependsOn` is Ready at its current generation."""
    for dependency in question.target.spec.depends_on:
        ref = _ref(dependency, question.target.ref.namespace)
        problem = _not_ready(question, ref)
        if problem:
            return Hold(conditions.DEPENDENCY_NOT_READY, f"{ref} {problem}", after=RECHECK)
    return None


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
