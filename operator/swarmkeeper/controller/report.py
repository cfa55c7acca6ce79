"""What one pass found and did: the input of the summary, the events and the metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from swarmkeeper.controller.asked import Asked
from swarmkeeper.controller.escalation import Escalation
from swarmkeeper.controller.guard import Hold
from swarmkeeper.controller.guard.breaker import Breaker
from swarmkeeper.controller.requests import RunRequest
from swarmkeeper.runtime.diff import FieldDiff
from swarmkeeper.runtime.errors import ReconcileError
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.reconciler import Verification


@dataclass(frozen=True, slots=True)
class Taken:
    """One action that was taken in the pass.

    Attributes:
        action: what.
        outcome: the kind's own sentence on the result.
        drift: the drift that it corrects.
        verified: a fresh look no longer asks for it.
        started_at: when the intent was written.
        seconds: from the start of the pass until the world had accepted the change.
    """

    action: Action
    outcome: str
    drift: tuple[FieldDiff, ...]
    verified: bool
    started_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """One pass over one object.

    Attributes:
        generation: of the spec that was looked at.
        now: start of the pass.
        plan: on the last observation; None where none was made.
        verification: of the last observation; None where none was made.
        hold: why a planned action was not taken.
        upgrade: why the declared version of the object waits; what was planned is for the approved one.
        error: why the pass ended early.
        taken: actions of this pass.
        refused: file:line and message where the declaration in the source is broken now.
        revision: of the source at which the object was last changed.
        requested_at: value of the annotation that asked for a look.
        left_alone: (reason, message) of an object that is suspended or has mode Off.
        request: a runbook that was asked for and is handled now, done or refused.
        asked: what became of a step that a RunbookRun has asked for.
        digest: of the object and the last observation; empty where it says nothing.
        breaker: the object's breaker, where it is not closed.
        relapsed: which action did not last, for people.
        escalation: how far the steps for an unhealthy object are; None for one that needs none.
        settled: nothing has changed since a pass that found all well.
    """

    generation: int
    now: datetime
    plan: Plan | None = None
    verification: Verification | None = None
    hold: Hold | None = None
    upgrade: Hold | None = None
    error: ReconcileError | None = None
    taken: tuple[Taken, ...] = field(default=())
    refused: str = ""
    revision: str = ""
    requested_at: str = ""
    left_alone: tuple[str, str] | None = None
    request: RunRequest | None = None
    asked: Asked = field(default_factory=Asked)
    digest: bytes = b""
    breaker: Breaker | None = None
    relapsed: str = ""
    escalation: Escalation | None = None
    settled: bool = False

    @property
    def waiting(self) -> Hold | None:
        """What people are told to wait for: a version that waits goes before an action that does."""
        return self.upgrade or self.hold
