"""The status of a GitRepository: what was fetched, what is wrong in it, what was applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from desired_state.objects import JsonObject
from desired_state.snapshot import Snapshot
from desired_state.sources import Artifact
from swarmkeeper.controller.announce import NORMAL, WARNING, Announcement
from swarmkeeper.controller.apply import Applied
from swarmkeeper.controller.source_look import Look
from swarmkeeper.runtime import conditions
from swarmkeeper.runtime.conditions import Condition, Status, stamp

PROBLEMS_SHOWN: Final = 20
ARTIFACT_IN_STORAGE: Final = "ArtifactInStorage"
FETCH_FAILED: Final = "FetchFailed"
SOURCE_VERIFIED: Final = "SourceVerified"
VERIFICATION_FAILED: Final = "VerificationFailed"
INVALID: Final = "InvalidDeclaration"
PRUNE_HELD: Final = "PruneHeld"


@dataclass(frozen=True, slots=True)
class Sync:
    """One look at a source.

    Attributes:
        generation: of the GitRepository's spec.
        now: when.
        look: what is in force, and what is wrong with what came.
        snapshot: what it declares.
        applied: what was done to the API; None where nothing was new.
        requested_at: annotation that asked for the look.
        suspended: the source is not fetched on purpose.
    """

    generation: int
    now: datetime
    look: Look
    snapshot: Snapshot
    applied: Applied | None
    requested_at: str = ""
    suspended: bool = False

    @property
    def artifact(self) -> Artifact | None:
        """What is in force, or None where nothing may be."""
        return self.look.artifact

    @property
    def error(self) -> str:
        """Why the fetch failed, or empty."""
        return self.look.error


def summarize(previous: Mapping[str, Any], sync: Sync) -> JsonObject:
    """The new status of the GitRepository."""
    status: JsonObject = {
        "observedGeneration": sync.generation,
        "conditions": conditions.merge(
            previous.get("conditions", ()),
            _conditions(sync),
            generation=sync.generation,
            now=sync.now,
        ),
        "objects": len(sync.snapshot.objects),
    }
    requested = sync.requested_at or previous.get("lastHandledReconcileAt", "")
    if requested:
        status["lastHandledReconcileAt"] = requested
    if sync.artifact is not None:
        status["artifact"] = _artifact(previous, sync.artifact, sync.now)
    if sync.look.mode:
        status["sourceVerificationMode"] = sync.look.mode
    if sync.snapshot.problems:
        shown = sync.snapshot.problems[:PROBLEMS_SHOWN]
        status["problems"] = [str(problem) for problem in shown]
        status["problemsTotal"] = len(sync.snapshot.problems)
    return status


def announcements(
    previous: Mapping[str, Any], current: Mapping[str, Any], sync: Sync
) -> list[Announcement]:
    """What people should hear of a look at a source."""
    found = []
    if sync.artifact is not None and _revision(previous) != sync.artifact.revision:
        what = f" ({sync.applied})" if sync.applied else ""
        message = f"{sync.artifact.revision} is in force{what}"
        found.append(Announcement(NORMAL, "NewArtifact", message))
    known = set(previous.get("problems", ()))
    found.extend(
        Announcement(WARNING, INVALID, problem)
        for problem in current.get("problems", ())
        if problem not in known
    )
    if sync.error and sync.error != _message(previous, FETCH_FAILED):
        found.append(Announcement(WARNING, FETCH_FAILED, sync.error))
    found.extend(_of_verification(previous, current))
    for ref, why in (sync.applied.held if sync.applied else ())[:PROBLEMS_SHOWN]:
        found.append(Announcement(WARNING, PRUNE_HELD, f"{ref} is kept: {why}"))
    return found


def _of_verification(previous: Mapping[str, Any], current: Mapping[str, Any]) -> list[Announcement]:
    """One event for each refusal, and one when all is well again."""
    before = conditions.find(previous.get("conditions", ()), SOURCE_VERIFIED) or {}
    after = conditions.find(current.get("conditions", ()), SOURCE_VERIFIED) or {}
    status, message = after.get("status"), str(after.get("message", ""))
    if status == Status.FALSE and message != before.get("message"):
        return [Announcement(WARNING, VERIFICATION_FAILED, message)]
    if status == Status.TRUE and before.get("status") != Status.TRUE:
        return [Announcement(NORMAL, SOURCE_VERIFIED, message)]
    return []


def _conditions(sync: Sync) -> list[Condition]:
    found = [_ready(sync)]
    if sync.suspended:
        found.append(
            Condition(conditions.SUSPENDED, Status.TRUE, conditions.SUSPENDED, "by spec.suspend")
        )
    if sync.error:
        found.append(Condition(FETCH_FAILED, Status.TRUE, FETCH_FAILED, sync.error))
    if sync.look.mode:
        found.append(_verified(sync))
    if sync.snapshot.problems:
        found.append(Condition(conditions.STALLED, Status.TRUE, INVALID, _problems(sync)))
    found.append(_stored(sync))
    return found


def _stored(sync: Sync) -> Condition:
    if sync.artifact is not None:
        return Condition(
            ARTIFACT_IN_STORAGE, Status.TRUE, conditions.SUCCEEDED, sync.artifact.revision
        )
    if sync.look.refusal is not None:
        return Condition(
            ARTIFACT_IN_STORAGE, Status.FALSE, VERIFICATION_FAILED, "nothing that is verified"
        )
    return Condition(ARTIFACT_IN_STORAGE, Status.FALSE, FETCH_FAILED, "nothing was fetched yet")


def _verified(sync: Sync) -> Condition:
    refusal, artifact = sync.look.refusal, sync.artifact
    if refusal is not None:
        kept = f"{artifact.revision} stays in force" if artifact else "so nothing new is applied"
        message = f"{refusal.message}; {kept}"
        return Condition(SOURCE_VERIFIED, Status.FALSE, refusal.reason, message)
    if artifact is None:
        return Condition(SOURCE_VERIFIED, Status.UNKNOWN, FETCH_FAILED, "nothing was fetched yet")
    return Condition(SOURCE_VERIFIED, Status.TRUE, conditions.SUCCEEDED, artifact.signed)


def _ready(sync: Sync) -> Condition:
    if sync.suspended:
        return Condition(
            conditions.READY, Status.UNKNOWN, conditions.SUSPENDED, "suspended: not fetched"
        )
    if sync.error:
        return Condition(conditions.READY, Status.FALSE, FETCH_FAILED, sync.error)
    if sync.look.refusal is not None:
        refusal = sync.look.refusal
        return Condition(conditions.READY, Status.FALSE, refusal.reason, refusal.message)
    if sync.snapshot.problems:
        return Condition(conditions.READY, Status.FALSE, INVALID, _problems(sync))
    count = len(sync.snapshot.objects)
    return Condition(
        conditions.READY, Status.TRUE, conditions.SUCCEEDED, f"{count} objects declared and valid"
    )


def _problems(sync: Sync) -> str:
    total = len(sync.snapshot.problems)
    more = f" (and {total - 1} more)" if total > 1 else ""
    return f"{sync.snapshot.problems[0]}{more}"


def _artifact(previous: Mapping[str, Any], artifact: Artifact, now: datetime) -> JsonObject:
    before = previous.get("artifact", {})
    if before.get("revision") == artifact.revision:
        return dict(before)
    return {
        "revision": artifact.revision,
        "digest": artifact.digest,
        "lastUpdateTime": stamp(now),
    }


def _revision(status: Mapping[str, Any]) -> str:
    return str(status.get("artifact", {}).get("revision", ""))


def _message(status: Mapping[str, Any], type_: str) -> str:
    condition = conditions.find(status.get("conditions", ()), type_)
    return str(condition["message"]) if condition else ""
