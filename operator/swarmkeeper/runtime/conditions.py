"""Conditions, by the Kubernetes API conventions (sig-architecture/api-conventions.md).

A condition is one observation about an object: a type, a status, a CamelCase reason and a message.
`lastTransitionTime` changes only when the status changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from desired_state.objects import JsonObject

READY: Final = "Ready"
"""The object is as declared, healthy, and nothing holds it. The one to wait for."""
RECONCILING: Final = "Reconciling"
"""Something is under way; absent otherwise (kstatus: abnormal-true)."""
STALLED: Final = "Stalled"
"""No progress without a human; absent otherwise (kstatus: abnormal-true)."""
HEALTHY: Final = "Healthy"
"""What runs works, by the kind's own health checks."""
SUSPENDED: Final = "Suspended"
"""The object is left alone on purpose; absent otherwise."""
APPROVAL_REQUIRED: Final = "ApprovalRequired"
"""A planned action waits for a human's yes; absent otherwise."""

SUCCEEDED: Final = "ReconciliationSucceeded"
FAILED: Final = "ReconciliationFailed"
PROGRESSING: Final = "Progressing"
PROGRESSING_WITH_RETRY: Final = "ProgressingWithRetry"
DEPENDENCY_NOT_READY: Final = "DependencyNotReady"
HEALTH_CHECK_FAILED: Final = "HealthCheckFailed"
OBSERVATION_FAILED: Final = "ObservationFailed"
DRIFT_DETECTED: Final = "DriftDetected"


class Status(StrEnum):
    """Three answers; Unknown is one of them."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"

    @classmethod
    def of(cls, value: bool | None) -> Status:
        """True, False, or Unknown for None."""
        if value is None:
            return cls.UNKNOWN
        return cls.TRUE if value else cls.FALSE


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition without its bookkeeping.

    Attributes:
        type: e.g. `Ready`.
        status: True, False or Unknown.
        reason: CamelCase, machine-readable.
        message: for people; never holds a secret's value.
    """

    type: str
    status: Status
    reason: str
    message: str = ""


def merge(
    previous: Sequence[JsonObject],
    current: Iterable[Condition],
    *,
    generation: int,
    now: datetime,
) -> list[JsonObject]:
    """The new `status.conditions`, with transition times kept where the status did not change.

    Args:
        previous: `status.conditions` as stored.
        current: all conditions that hold now; a type that is missing here is dropped.
        generation: generation of the spec that was looked at.
        now: time of a transition, timezone-aware.
    """
    old = {condition["type"]: condition for condition in previous}
    since = stamp(now)
    merged = []
    for condition in current:
        before = old.get(condition.type, {})
        same = before.get("status") == condition.status
        merged.append(
            {
                "type": condition.type,
                "status": str(condition.status),
                "reason": condition.reason,
                "message": condition.message,
                "observedGeneration": generation,
                "lastTransitionTime": before["lastTransitionTime"] if same else since,
            }
        )
    return merged


def stamp(when: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, as Kubernetes writes times."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def find(conditions: Iterable[JsonObject], type_: str) -> JsonObject | None:
    """The stored condition of a type, or None."""
    return next((c for c in conditions if c.get("type") == type_), None)
