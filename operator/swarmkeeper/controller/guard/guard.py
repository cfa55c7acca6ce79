"""The chain of checks and what they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.guard.policy import Policy
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.store.audit import Record

PENDING: Final = "pendingApproval"
"""Field of the status that shows a plan which waits for a human's yes."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an action may not be taken now.

    Attributes:
        reason: CamelCase, for the condition.
        message: for people: what holds, and what would let it go.
        after: when to look again at the latest; None: the object's interval.
        on_purpose: people asked for it (suspend, mode): the object is not failing.
        pending: `status.pendingApproval`, where approval would let it go.
    """

    reason: str
    message: str
    after: timedelta | None = None
    on_purpose: bool = False
    pending: JsonObject | None = None


class World(Protocol):
    """What checks may look up."""

    @property
    def policy(self) -> Policy:
        """What the operator's settings say."""
        ...

    def stored(self, ref: ObjectRef) -> JsonObject | None:
        """An object as the API has it, or None."""
        ...

    def actions_since(self, uid: str, since: datetime, runbook: str = "") -> int:
        """How many actions, or actions of one runbook, were begun for an object since a time."""
        ...

    def all_actions_since(self, since: datetime) -> int:
        """How many actions were begun for all objects since a time."""
        ...

    def history(self, uid: str, since: datetime) -> Sequence[Record]:
        """What the trail tells of an object's actions since a time, oldest first."""
        ...

    def objects_of(self, kind: str) -> Sequence[JsonObject]:
        """All objects of a kind as the API has them."""
        ...

    def note_storm(self, kind: str, now: datetime) -> None:
        """Remembers that too many objects of a kind are not Ready."""
        ...

    def storm_seen(self, kind: str) -> datetime | None:
        """When that was last so, or None."""
        ...

    def approvals_used(self, uid: str) -> int:
        """How many actions on an object were approved and taken."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """May this action be taken?

    Attributes:
        target: the object.
        actions: all that would be taken now, in order.
        action: the one in question.
        world: look-ups.
        by_hand: people have asked for it, by a runbook's name.
        annotations: of the object, or of the RunbookRun that asks.
        asked_by: the RunbookRun, where one asks.
        strict: it asks for approval, whatever the object says.
        resumed: the action was begun before an interruption.
    """

    target: Target[Any]
    actions: tuple[Action, ...]
    action: Action
    world: World
    by_hand: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)
    asked_by: ObjectRef | None = None
    strict: bool = False
    resumed: bool = False


Check = Callable[[Question], Hold | None]


class Guard:
    """Asks the checks in order.

    Args:
        checks: functions from a question to a hold, or None for yes.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)

    def hold(self, question: Question) -> Hold | None:
        """The first hold, or None: the action may be taken."""
        for check in self._checks:
            if (held := check(question)) is not None:
                return held
        return None
