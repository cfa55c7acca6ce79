"""A plan: the drift that was found and the actions that would correct it. Pure data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from swarmkeeper.runtime.diff import FieldDiff


class Risk(IntEnum):
    """How much harm an action can do; approval is asked from a level on."""

    LOW = 1
    """No running task is touched, and the way back is certain."""
    MEDIUM = 2
    """Running tasks restart or stop."""
    HIGH = 3
    """Something is removed, or data could be lost."""


@dataclass(frozen=True, slots=True)
class Action:
    """One runbook step that would be taken, with its way back.

    Attributes:
        runbook: name of the kind's runbook, e.g. `scale`.
        target: what is acted upon, e.g. `service/agentes_ai_orchestrator`.
        before: values of the touched fields as observed: the way back.
        after: values that the step brings about.
        reason: for people: why.
        risk: how much harm it can do.
        parameters: further input of the step; must be JSON-like and free of secrets.
        confirm: it needs a human's yes, whatever the object and the operator's settings say.
        urgent: it may be taken outside `spec.windows`: to wait for one would do more harm.
        completes: it brings to an end what was begun with the guard's yes and can't be left half done,
            say after a crash: the guard is not asked again.
    """

    runbook: str
    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str
    risk: Risk = Risk.LOW
    parameters: Mapping[str, Any] = field(default_factory=dict)
    confirm: bool = False
    urgent: bool = False
    completes: bool = False

    def key(self, uid: str, generation: int) -> str:
        """Identity of the step for one object: equal inputs, equal key (design.md §3).

        A step that carries the identity of a request (`run`) stays the same when the spec changes.
        """
        version = 0 if "run" in self.parameters else generation
        text = json.dumps(
            [uid, version, self.runbook, self.target, dict(self.before), dict(self.after)],
            sort_keys=True,
            default=str,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found and what would be done; nothing to do means in sync.

    Attributes:
        drift: every field that is not as declared.
        actions: steps in order.
        unknown: what could not be read; a plan with unknowns holds no action.
        blocked: (reason, message) where the drift can't be corrected without a human.
    """

    drift: tuple[FieldDiff, ...] = ()
    actions: tuple[Action, ...] = ()
    unknown: tuple[str, ...] = ()
    blocked: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuses a plan that acts on what it could not read."""
        if self.unknown and self.actions:
            raise ValueError(f"a plan must not act on unknowns: {self.unknown}")

    @property
    def in_sync(self) -> bool:
        """True if everything was read and is as declared."""
        return not (self.drift or self.actions or self.unknown or self.blocked)

    def hash(self, uid: str, generation: int) -> str:
        """Identity of the whole plan: what an approval is bound to."""
        keys = "".join(action.key(uid, generation) for action in self.actions)
        return hashlib.sha256(keys.encode()).hexdigest()[:12]
