"""What the backups amount to: which count, whether one is due, and what else is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from desired_state.fields import format_duration
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.spec import GRACE, PostgresBackupSpec
from swarmkeeper.runtime.backup_tasks import DrillResult, Fault
from swarmkeeper.runtime.backups import SKEW, Backup, Catalogue, Failure
from swarmkeeper.runtime.diff import ABSENT
from swarmkeeper.runtime.reconciler import Target

_STAMPED: Final = re.compile(r"-(\d{8}T\d{6}Z)(-\d+)?$")


@dataclass(frozen=True, slots=True)
class Due:
    """Why a backup is due.

    Attributes:
        path: of the spec that asks for it.
        reason: CamelCase word.
        want: what is declared.
        got: what is there; stands still.
        message: for people.
    """

    path: str
    reason: str
    want: str
    got: str
    message: str


def good(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> tuple[Backup, ...]:
    """The backups that count, newest first; what is to be in a bucket and is not there does not."""
    return tuple(one for one in written(spec, catalogue, now) if one.uploaded is not False)


def written(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> tuple[Backup, ...]:
    """The backups that are verified, newest first; what is from the future does not count."""
    level = spec.verification.level
    return tuple(
        backup
        for backup in catalogue.backups
        if backup.counts(level, now) and backup.size >= spec.minimum_size
    )


def damaged(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> dict[str, Fault]:
    """By name: what does not count, and why."""
    found = dict(catalogue.broken)
    for backup in catalogue.backups:
        if backup.fault is not None:
            found[backup.name] = backup.fault
        elif backup.size < spec.minimum_size:
            text = f"it has {backup.size} bytes, at least {spec.minimum_size} are wanted"
            found[backup.name] = Fault("TooSmall", text)
        elif backup.taken_at > now + SKEW:
            text = f"it was taken at {backup.taken_at.isoformat()}, which has not come yet"
            found[backup.name] = Fault("FromTheFuture", text)
    return found


def due(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> Due | None:
    """Why a backup must be taken now, or None."""
    known = written(spec, catalogue, now)  # what is not uploaded yet need not be taken again
    if not known:
        text = "there is no backup that counts"
        return Due("spec.folder", "NoBackup", "a verified backup", ABSENT, text)
    newest = known[0]
    taken = newest.taken_at.isoformat(timespec="seconds")
    if spec.maximum_age is not None and now - newest.taken_at > spec.maximum_age:
        text = f"the newest backup that counts is of {taken}"
        want = f"one of the last {format_duration(spec.maximum_age)}"
        return Due("spec.maximumAge", "TooOld", want, taken, text)
    fires = spec.due_after(newest.taken_at)
    if fires is not None and fires <= now:
        at = fires.isoformat(timespec="seconds")
        text = f"a backup was due at {at}, the newest that counts is of {taken}"
        return Due("spec.schedule", "ScheduleMissed", at, taken, text)
    for name, fault in _newer(catalogue, damaged(spec, catalogue, now), newest.taken_at, now):
        text = f"{name} does not count: {fault.message}"
        return Due("spec.verification", fault.reason, "the newest one counts", name, text)
    return None


def _newer(
    catalogue: Catalogue, bad: Mapping[str, Fault], than: datetime, now: datetime
) -> Iterator[tuple[str, Fault]]:
    """What does not count and is newer than a time; what is from the future decides nothing."""
    taken = {backup.name: backup.taken_at for backup in catalogue.backups}
    for name, fault in bad.items():
        when = taken.get(name) or _stamp(name)
        if when is not None and than < when <= now + SKEW:
            yield name, fault


def _stamp(name: str) -> datetime | None:
    """When a backup was taken, by its name."""
    found = _STAMPED.search(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def is_stale(spec: PostgresBackupSpec, newest: Backup, now: datetime) -> bool:
    """Whether the newest backup that counts is too old; being due is not enough."""
    if spec.maximum_age is not None:
        return now - newest.taken_at > spec.maximum_age
    fires = spec.due_after(newest.taken_at)
    return fires is not None and now > fires + GRACE


def last_failure(target: Target[PostgresBackupSpec], observed: Observed) -> Failure | None:
    """The last backup that failed, as this process knows it or as it stands in the status."""
    if observed.activity.failure is not None:
        return observed.activity.failure
    stored = target.status.get("lastFailedBackup")
    if not isinstance(stored, dict):
        return None
    return Failure(stored["reason"], stored["message"], datetime.fromisoformat(stored["at"]))


def has_failed(newest: Backup | None, failure: Failure | None) -> bool:
    """Whether the last attempt to take a backup has failed."""
    if failure is None:
        return False
    return newest is None or failure.at > newest.finished_at


@dataclass(frozen=True, slots=True)
class LastDrill:
    """The last restore drill.

    Attributes:
        backup: that was restored.
        result: how it ended.
    """

    backup: str
    result: DrillResult


def last_drill(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> LastDrill | None:
    """The last restore drill, by the manifests or by the status: its backup may have expired."""
    known = [LastDrill(b.name, b.drill) for b in catalogue.backups if b.drill is not None]
    stored = target.status.get("lastRestoreDrill")
    if isinstance(stored, dict):
        reason = stored.get("reason")
        fault = Fault(reason, stored.get("message", "")) if reason else None
        at = datetime.fromisoformat(stored["at"])
        result = DrillResult(at, stored["seconds"], stored["rows"], fault)
        known.append(LastDrill(stored["backup"], result))
    return max(known, key=lambda drill: drill.result.at, default=None)


def drill_due(
    target: Target[PostgresBackupSpec], catalogue: Catalogue
) -> tuple[Backup, str] | None:
    """The backup that must be restored for a trial, and why; None where none must.

    One that was no good is not tried again: the next one is.
    """
    declared = target.spec.restore_drill
    known = good(target.spec, catalogue, target.now)
    if declared is None or not known:
        return None
    last = last_drill(target, catalogue)
    if last is None:
        return known[0], "no backup was ever restored for a trial"
    if target.now - last.result.at > declared.every:
        return known[0], f"the last restore drill was more than {declared.every} ago"
    if last.result.fault is not None and last.backup != known[0].name:
        return known[0], f"the restore of {last.backup} was no good"
    return None
