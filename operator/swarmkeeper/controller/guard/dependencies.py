"""What an object depends on comes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from desired_state.objects import Dependency, JsonObject, ObjectRef
from swarmkeeper.controller.guard.guard import Hold, Question
from swarmkeeper.runtime import conditions

RECHECK: Final = timedelta(seconds=30)


def dependencies(question: Question) -> Hold | None:
    """Holds until every object in `dependsOn` is Ready at its current generation."""
    for dependency in question.target.spec.depends_on:
        ref = ref_of(dependency, question.target.ref.namespace)
        problem = _not_ready(question, ref)
        if problem:
            return Hold(conditions.DEPENDENCY_NOT_READY, f"{ref} {problem}", after=RECHECK)
    return None


def ref_of(dependency: Dependency, namespace: str) -> ObjectRef:
    """The object that is named, by default of a namespace."""
    return ObjectRef(dependency.kind, dependency.name, dependency.namespace or namespace)


def _not_ready(question: Question, ref: ObjectRef) -> str:
    return not_ready(question.world.stored(ref))


def not_ready(stored: JsonObject | None) -> str:
    """Why an object is not Ready at its current generation, to follow its name; empty where it is."""
    if stored is None:
        return "does not exist"
    ready = conditions.find(stored.get("status", {}).get("conditions", ()), conditions.READY)
    if ready is None:
        return "was not looked at yet"
    if ready.get("observedGeneration") != stored["metadata"].get("generation"):
        return "has changed and was not looked at since"
    if ready["status"] != conditions.Status.TRUE:
        message = f": {ready['message']}" if ready.get("message") else ""
        return f"is not Ready ({ready.get('reason')}){message}"
    return ""
