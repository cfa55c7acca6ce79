"""What the guard may look up, from the store and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard import Policy
from swarmkeeper.store.audit import Record

_STORM_STEP: Final = timedelta(seconds=5)  # a storm is written down this often at most


@dataclass(frozen=True, slots=True)
class LookUps:
    """The guard's `World`.

    Attributes:
        deps: the controller's parts.
    """

    deps: Deps

    @property
    def policy(self) -> Policy:
        """What the operator's settings say."""
        return self.deps.policy

    def stored(self, ref: ObjectRef) -> JsonObject | None:
        """An object as the API has it, or None."""
        return self.deps.objects.get(ref)

    def objects_of(self, kind: str) -> Sequence[JsonObject]:
        """All objects of a kind as the API has them."""
        return self.deps.objects.list(kind)

    def actions_since(self, uid: str, since: datetime, runbook: str = "") -> int:
        """How many actions, or actions of one runbook, were begun for an object since a time."""
        if not runbook:
            return self.deps.trail.actions_since(uid, since)
        begun = self.deps.trail.begun(uid, since)
        return sum(record.step.runbook == runbook for record in begun)

    def all_actions_since(self, since: datetime) -> int:
        """How many actions were begun for all objects since a time."""
        return self.deps.trail.all_actions_since(since)

    def history(self, uid: str, since: datetime) -> Sequence[Record]:
        """What the trail tells of an object's actions since a time, oldest first."""
        return self.deps.trail.history(uid, since)

    def approvals_used(self, uid: str) -> int:
        """How many actions on an object were approved and taken."""
        return self.deps.trail.approvals_used(uid)

    def note_storm(self, kind: str, now: datetime) -> None:
        """Remembers that too many objects of a kind are not Ready, also across a restart."""
        seen = self.storm_seen(kind)
        if seen is None or now - seen >= _STORM_STEP:
            self.deps.memory.put(_storm(kind), {"seen": now.isoformat()})

    def storm_seen(self, kind: str) -> datetime | None:
        """When too many objects of a kind were last not Ready, or None."""
        kept = self.deps.memory.get(_storm(kind))
        return datetime.fromisoformat(kept["seen"]) if kept else None


def _storm(kind: str) -> str:
    return f"storm/{kind}"
