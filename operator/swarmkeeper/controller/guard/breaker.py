"""The breaker of an object: what does not help again and again is left alone for a while.

Its state is no state of its own: it follows from the audit trail, so it survives a restart. An action is
useless if it failed, if the world did not show it, or if it did not last. After so many of them in a row
the breaker is open; after the cool-down it is half open and lets one action through, whose outcome
closes it or opens it anew. A change of the spec closes it too: what will be tried is something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from desired_state.fields import format_duration
from swarmkeeper.controller.guard.guard import Hold, Question, World
from swarmkeeper.controller.guard.policy import Policy
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.store.audit import Entry, Record

BREAKER_OPEN: Final = "BreakerOpen"
RECHECK: Final = timedelta(seconds=30)
_USELESS: Final = (Entry.FAILED, Entry.APPLIED)
_OUTCOMES: Final = (Entry.SUCCEEDED, *_USELESS)


class BreakerState(StrEnum):
    """Whether actions are taken."""

    CLOSED = "Closed"
    """Yes."""
    OPEN = "Open"
    """No."""
    HALF_OPEN = "HalfOpen"
    """One, to see whether it helps now."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one object's breaker.

    Attributes:
        state: whether actions are taken.
        failures: useless actions in a row.
        since: when the last of them turned out to be useless.
        trying: keys of the steps that are under way.
    """

    state: BreakerState
    failures: int = 0
    since: datetime | None = None
    trying: frozenset[str] = frozenset()


@dataclass(slots=True)
class Attempt:
    """One action as the trail tells it.

    Attributes:
        intent: its first entry.
        outcome: its outcome, or None while it is under way.
        relapse: that it did not last, or None.
    """

    intent: Record
    outcome: Record | None = None
    relapse: Record | None = None

    @property
    def useless_at(self) -> datetime | None:
        """When it turned out to be useless; None where it did not."""
        last = self.relapse or self.outcome
        useless = last is not None and last.entry in (*_USELESS, Entry.RELAPSED)
        return datetime.fromisoformat(last.at) if last is not None and useless else None


@dataclass(slots=True)
class _Attempts:
    found: dict[str, Attempt] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        if record.entry is Entry.INTENDED:
            self.found[record.action] = Attempt(record)
            return
        attempt = self.found.get(record.action)
        if attempt is None:
            return
        if record.entry in _OUTCOMES:
            attempt.outcome = record
        elif record.entry is Entry.RELAPSED:
            attempt.relapse = record
        elif record.entry is Entry.SUPERSEDED:
            del self.found[record.action]


def attempts(records: Iterable[Record]) -> list[Attempt]:
    """The actions of an object, oldest first; those that were not wanted any more are left out."""
    gathered = _Attempts()
    for record in records:
        gathered.add(record)
    return list(gathered.found.values())


def judge(records: Sequence[Record], generation: int, now: datetime, policy: Policy) -> Breaker:
    """The state that follows from an object's history.

    Args:
        records: of the object, oldest first.
        generation: of its spec; what was done for another does not count.
        now: timezone-aware.
        policy: how many failures, and how long a cool-down.
    """
    failures, since, trying = 0, None, set()
    for attempt in reversed(attempts(records)):
        if attempt.intent.step.generation != generation:
            break
        if attempt.outcome is None:
            trying.add(attempt.intent.step.step)
            continue
        if (useless_at := attempt.useless_at) is None:
            break
        failures, since = failures + 1, since or useless_at
    if since is None or not policy.breaker_failures or failures < policy.breaker_failures:
        return Breaker(BreakerState.CLOSED, failures, since, frozenset(trying))
    waiting = now < since + policy.breaker_cooldown
    state = BreakerState.OPEN if waiting else BreakerState.HALF_OPEN
    return Breaker(state, failures, since, frozenset(trying))


def breaker_of(world: World, target: Target[Any]) -> Breaker:
    """The state of an object's breaker now."""
    records = world.history(target.uid, target.now - world.policy.lookback)
    return judge(records, target.generation, target.now, world.policy)


def breaker(question: Question) -> Hold | None:
    """Holds everything while the breaker is open, and all but one action while it is half open."""
    policy, target = question.world.policy, question.target
    found = breaker_of(question.world, target)
    if found.state is BreakerState.CLOSED or found.since is None:
        return None
    if found.state is BreakerState.OPEN:
        left = found.since + policy.breaker_cooldown - target.now
        return Hold(
            BREAKER_OPEN,
            f"{found.failures} actions in a row failed or did not last: the next one is tried in"
            f" {format_duration(left)}, or when the spec changes",
            after=left,
        )
    mine = question.action.key(target.uid, target.generation)
    if found.trying <= {mine}:
        return None
    message = f"after {found.failures} useless actions one is tried, and its outcome is waited for"
    return Hold(BREAKER_OPEN, message, after=RECHECK)
