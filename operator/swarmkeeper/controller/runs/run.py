"""One RunbookRun as stored, and the status that says how far it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from desired_state.objects import JsonObject, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN, RunbookRunSpec
from swarmkeeper.controller.guard import PENDING, Hold
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.conditions import Condition, Status, stamp

SUCCEEDED: Final = "Succeeded"
"""The condition to wait for."""
_KEPT: Final = ("askedAt", "startedAt")


class Phase(StrEnum):
    """How far a run is."""

    PENDING = "Pending"
    """It waits: for its target, a window, an approval, another run."""
    RUNNING = "Running"
    """Its step is being taken, or was and the target is not well yet."""
    SUCCEEDED = "Succeeded"
    """Done, and the target is well."""
    FAILED = "Failed"
    """It was refused, or it took too long, or the target is not well."""


_DONE: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED})
_CONDITION: Final = {Phase.SUCCEEDED: Status.TRUE, Phase.FAILED: Status.FALSE}


@dataclass(frozen=True, slots=True)
class Run:
    """A RunbookRun.

    Attributes:
        ref: which.
        spec: what is asked for.
        metadata: as stored.
        status: as stored for this version of the spec; empty for a new one.
    """

    ref: ObjectRef
    spec: RunbookRunSpec
    metadata: JsonObject
    status: JsonObject

    @classmethod
    def of(cls, stored: JsonObject) -> Self:
        """The run that an object is.

        Raises:
            ValidationError: it does not fit the model.
        """
        metadata, status = stored["metadata"], stored.get("status", {})
        current = status.get("observedGeneration") == metadata.get("generation", 1)
        return cls(
            ObjectRef(RUNBOOK_RUN.name, metadata["name"], metadata["namespace"]),
            RunbookRunSpec.model_validate(stored["spec"]),
            metadata,
            status if current else {},
        )

    @property
    def id(self) -> str:
        """Identity of the request: another version of the spec is another request."""
        return f"{self.metadata['uid']}.{self.generation}"

    @property
    def generation(self) -> int:
        """Version of the spec."""
        return int(self.metadata.get("generation", 1))

    @property
    def target(self) -> ObjectRef:
        """The object that it is for."""
        return ObjectRef(self.spec.target.kind, self.spec.target.name, self.ref.namespace)

    @property
    def phase(self) -> Phase:
        """How far it is."""
        return Phase(self.status.get("phase", Phase.PENDING))

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase in _DONE

    @property
    def annotations(self) -> JsonObject:
        """Its annotations."""
        return dict(self.metadata.get("annotations", {}))

    @property
    def order(self) -> tuple[bool, str, str]:
        """What is running goes first, then the oldest."""
        return self.phase is not Phase.RUNNING, self.metadata["creationTimestamp"], self.ref.name

    def overdue(self, now: datetime) -> str:
        """Why it has waited or run for too long, or empty."""
        if self.phase is Phase.RUNNING and self.left(now) <= timedelta(0):
            return "TimedOut"
        if self.phase is Phase.PENDING and self.left(now) <= timedelta(0):
            return "DeadlineExceeded"
        return ""

    def left(self, now: datetime) -> timedelta:
        """How long it may still stay in its phase; for one that has ended, on the API."""
        limits = {Phase.PENDING: self.spec.starting_deadline, Phase.RUNNING: self.spec.timeout}
        since = {Phase.PENDING: "askedAt", Phase.RUNNING: "startedAt"}.get(self.phase, "finishedAt")
        limit = limits.get(self.phase, self.spec.ttl_after_finished)
        begun = self.status.get(since)
        if limit is None:
            return timedelta.max
        return limit if begun is None else datetime.fromisoformat(begun) + limit - now

    def status_for(
        self, phase: Phase, reason: str, message: str, now: datetime, hold: Hold | None = None
    ) -> JsonObject:
        """The status that says so.

        Args:
            phase: how far it is now.
            reason: CamelCase.
            message: for people.
            now: the time.
            hold: what holds it, where something does.
        """
        status: JsonObject = {name: self.status[name] for name in _KEPT if name in self.status}
        status.setdefault("askedAt", stamp(now))
        if phase is not Phase.PENDING and reason not in _NEVER_BEGAN:
            status.setdefault("startedAt", stamp(now))
        if phase in _DONE:
            status["finishedAt"] = stamp(now)
        if hold is not None and hold.pending is not None:
            status[PENDING] = hold.pending
        status |= {"phase": str(phase), "message": message, "observedGeneration": self.generation}
        status["conditions"] = conditions.merge(
            self.status.get("conditions", ()),
            _conditions(phase, reason, message, hold),
            generation=self.generation,
            now=now,
        )
        return status


_NEVER_BEGAN: Final = frozenset(
    {"DeadlineExceeded", "TargetDeleted", "UnknownKind", "UnknownRunbook", "InvalidParameter"}
)
"""Reasons of runs that have failed before their first step."""


def _conditions(phase: Phase, reason: str, message: str, hold: Hold | None) -> list[Condition]:
    verdict = _CONDITION.get(phase, Status.UNKNOWN)
    found = [Condition(type_, verdict, reason, message) for type_ in (conditions.READY, SUCCEEDED)]
    if phase is Phase.FAILED:
        found.append(Condition(conditions.STALLED, Status.TRUE, reason, message))
    elif phase is not Phase.SUCCEEDED:
        found.append(Condition(conditions.RECONCILING, Status.TRUE, reason, message))
    if hold is not None and hold.pending is not None:
        found.append(Condition(conditions.APPROVAL_REQUIRED, Status.TRUE, "PlanPending", message))
    return found


def differs(one: JsonObject, other: JsonObject) -> bool:
    """Whether two stored statuses say different things to a person."""
    return any(one.get(name) != other.get(name) for name in ("phase", "message"))


def reason_of(status: JsonObject) -> Any:
    """The reason in the condition to wait for."""
    return (conditions.find(status.get("conditions", ()), SUCCEEDED) or {}).get("reason")
