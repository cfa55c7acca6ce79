"""Judges the backups by a fresh look: fresh, verified, and did the last attempt succeed? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from desired_state.fields import format_duration
from desired_state.objects import JsonObject
from reconcilers.postgres_backup.assess import (
    LastDrill,
    damaged,
    drill_due,
    due,
    good,
    has_failed,
    is_stale,
    last_drill,
    last_failure,
)
from reconcilers.postgres_backup.figures import figures
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from reconcilers.postgres_backup.uploads import missing
from swarmkeeper.runtime.backup_tasks import Fault
from swarmkeeper.runtime.backups import SKEW, Backup, Catalogue, Failure, Progress
from swarmkeeper.runtime.conditions import Condition, Status, stamp
from swarmkeeper.runtime.figures import Figure
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.unknown import Unknown

FRESH: Final = "Fresh"
VERIFIED: Final = "Verified"
SUCCEEDED: Final = "LastBackupSucceeded"
TESTED: Final = "RestoreTested"
UPLOADED: Final = "Uploaded"
NOT_UPLOADED: Final = "NotUploaded"
_SHOWN: Final = 10  # damaged backups and strangers in the status
_MIB: Final = 1 << 20
_LOOKS: Final = (timedelta(seconds=1), timedelta(seconds=30))


def verify(target: Target[PostgresBackupSpec], observed: Observed) -> Verification:
    """Judges a fresh observation."""
    catalogue, spec = observed.catalogue, target.spec
    if isinstance(catalogue, Unknown):
        return _unknown(observed.reason, catalogue.reason)
    if catalogue.bucket_fault is not None:
        return _without_bucket(observed, catalogue.bucket_fault)
    known = good(spec, catalogue, target.now)
    failure = last_failure(target, observed)
    newest = known[0] if known else None
    found = (
        _fresh(target, catalogue),
        _verified(target, catalogue),
        _succeeded(newest, failure),
        *_tested(target, catalogue),
        *_uploaded(target, catalogue),
    )
    bad = [one for one in found if one.status is Status.FALSE]
    progress = observed.activity.progress
    # What is due and has not failed is about to be put right.
    wanted = due(spec, catalogue, target.now) or drill_due(target, catalogue)
    moving = missing(spec, catalogue, target.now)
    hopeful = bool(wanted or moving) and not has_failed(newest, failure)
    wrong = (bad[0].reason, bad[0].message) if bad and not (progress or hopeful) else None
    return Verification(
        conditions=found,
        healthy=not bad,
        message=bad[0].message if bad else _summary(known),
        progress=_told(progress) if progress else "",
        failure=wrong,
        recheck=_recheck(progress),
        fields=_fields(target, catalogue, failure),
        figures=_figures(target, catalogue, failure),
    )


def _figures(
    target: Target[PostgresBackupSpec], catalogue: Catalogue, failure: Failure | None
) -> tuple[Figure, ...]:
    known = good(target.spec, catalogue, target.now)
    bad = damaged(target.spec, catalogue, target.now)
    return figures(known, len(bad), failure, last_drill(target, catalogue))


def _unknown(reason: str, message: str) -> Verification:
    types = (FRESH, VERIFIED, SUCCEEDED)
    return Verification(
        conditions=tuple(Condition(type_, Status.UNKNOWN, reason, message) for type_ in types),
        healthy=None,
        message=message,
    )


def _without_bucket(observed: Observed, fault: Fault) -> Verification:
    """Nothing is known of the bucket; what goes on in the folder is told all the same."""
    progress = observed.activity.progress
    found = _unknown(fault.reason, fault.message)
    told = _told(progress) if progress else ""
    return replace(found, progress=told, recheck=_recheck(progress))


def _fresh(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Condition:
    known = good(target.spec, catalogue, target.now)
    wanted = due(target.spec, catalogue, target.now)
    waiting = missing(target.spec, catalogue, target.now)
    if waiting and not (known and not is_stale(target.spec, known[0], target.now)):
        text = f"{waiting[0].name} is in the folder alone, not in the bucket"
        return Condition(FRESH, Status.FALSE, NOT_UPLOADED, text)
    if not known:
        return Condition(FRESH, Status.FALSE, "NoBackup", "there is no backup that counts")
    if wanted is not None and is_stale(target.spec, known[0], target.now):
        return Condition(FRESH, Status.FALSE, wanted.reason, wanted.message)
    return Condition(FRESH, Status.TRUE, FRESH, _summary(known))


def _verified(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Condition:
    """Of the newest one: older ones that are damaged are told, and replaced by it."""
    known = good(target.spec, catalogue, target.now)
    wanted = due(target.spec, catalogue, target.now)
    if not known:
        bad = damaged(target.spec, catalogue, target.now)
        if not bad:
            return Condition(VERIFIED, Status.FALSE, "NoBackup", "there is no backup that counts")
        name, fault = next(iter(bad.items()))
        return Condition(VERIFIED, Status.FALSE, fault.reason, f"{name}: {fault.message}")
    if wanted is not None and wanted.path == "spec.verification":
        return Condition(VERIFIED, Status.FALSE, wanted.reason, wanted.message)
    text = f"{known[0].name} was verified: {known[0].level}"
    return Condition(VERIFIED, Status.TRUE, VERIFIED, text)


def _succeeded(newest: Backup | None, failure: Failure | None) -> Condition:
    if failure is not None and has_failed(newest, failure):
        return Condition(SUCCEEDED, Status.FALSE, failure.reason, failure.message)
    if newest is None:
        return Condition(SUCCEEDED, Status.UNKNOWN, "NoBackup", "none was taken yet")
    return Condition(SUCCEEDED, Status.TRUE, "Succeeded", f"took {newest.name}")


def _tested(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Condition]:
    """Whether a backup was restored lately; only where that is declared."""
    declared = target.spec.restore_drill
    if declared is None:
        return
    last = last_drill(target, catalogue)
    if last is None:
        yield Condition(TESTED, Status.FALSE, "NeverTested", "no backup was ever restored")
    elif last.result.fault is not None:
        fault = last.result.fault
        yield Condition(TESTED, Status.FALSE, fault.reason, f"{last.backup}: {fault.message}")
    elif target.now - last.result.at > declared.every * 2:
        text = f"the last restore drill was at {stamp(last.result.at)}"
        yield Condition(TESTED, Status.FALSE, "TooLongAgo", text)
    else:
        text = f"{last.backup} was restored: {last.result.rows} rows in {_seconds(last)}"
        yield Condition(TESTED, Status.TRUE, TESTED, text)


def _uploaded(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Condition]:
    """Whether the bucket holds all; only where that is declared."""
    if target.spec.s3 is None:
        return
    waiting = missing(target.spec, catalogue, target.now)
    if waiting:
        fault = waiting[0].upload_fault
        text = fault.message if fault else f"{len(waiting)} backups are in the folder alone"
        yield Condition(UPLOADED, Status.FALSE, NOT_UPLOADED, f"{waiting[0].name}: {text}")
    else:
        yield Condition(UPLOADED, Status.TRUE, UPLOADED, "the bucket holds all that count")


def _seconds(last: LastDrill) -> str:
    return format_duration(timedelta(seconds=round(last.result.seconds, 1)))


def _summary(known: tuple[Backup, ...]) -> str:
    newest = known[0]
    more = f"; {len(known)} backups count" if len(known) > 1 else ""
    return f"{newest.name} of {stamp(newest.taken_at)}, {_size(newest.size)}{more}"


def _recheck(progress: Progress | None) -> timedelta | None:
    """Long work is looked at less often: each look writes a status."""
    if progress is None:
        return None
    return min(max(_LOOKS[0], timedelta(seconds=progress.seconds / 10)), _LOOKS[1])


def _told(progress: Progress) -> str:
    """What is done, how fast, and how long it may still take."""
    text = f"{progress.doing}: {_size(progress.done)}"
    rate = progress.done / progress.seconds if progress.seconds > 1 else 0
    if rate:
        text += f", {_size(round(rate))}/s"
    left = progress.expected - progress.done
    if rate and progress.expected and left > 0:
        time = timedelta(seconds=round(left / rate))
        text += f", of about {_size(progress.expected)}: {format_duration(time)} left"
    return text


def _size(number: int) -> str:
    if number < _MIB:
        return f"{number / 1024:.1f} KiB"
    return f"{number / _MIB:.1f} MiB" if number < 1024 * _MIB else f"{number / _MIB / 1024:.1f} GiB"


def _fields(
    target: Target[PostgresBackupSpec], catalogue: Catalogue, failure: Failure | None
) -> JsonObject:
    known = good(target.spec, catalogue, target.now)
    bad = damaged(target.spec, catalogue, target.now)
    fields: JsonObject = {"verifiedBackups": len(known)}
    if known:
        fields["lastSuccessfulBackup"] = _backup(known[0])
        fields["lastBackupTime"] = stamp(known[0].taken_at)
        fields["firstRecoverabilityPoint"] = stamp(known[-1].taken_at)
        fires = target.spec.due_after(known[0].taken_at)
        if fires is not None:
            fields["nextBackupTime"] = stamp(fires)
    if failure is not None:
        at = failure.at.isoformat(timespec="microseconds")
        fields["lastFailedBackup"] = {
            "at": at,
            "reason": failure.reason,
            "message": failure.message,
        }
    last = last_drill(target, catalogue)
    if last is not None:
        fields["lastRestoreDrill"] = _drill(last)
    if bad:
        fields["damaged"] = [
            {"name": name, "reason": fault.reason, "message": fault.message}
            for name, fault in list(bad.items())[:_SHOWN]
        ]
    if catalogue.strangers:
        fields["ignored"] = list(catalogue.strangers[:_SHOWN])
    return fields


def _drill(last: LastDrill) -> JsonObject:
    fault = last.result.fault
    return {
        "backup": last.backup,
        "at": last.result.at.isoformat(timespec="microseconds"),
        "seconds": round(last.result.seconds, 3),
        "rows": last.result.rows,
        **({"reason": fault.reason, "message": fault.message} if fault else {}),
    }


def _backup(backup: Backup) -> JsonObject:
    seconds = (backup.finished_at - backup.taken_at).total_seconds()
    skew = timedelta(seconds=round(backup.skew))
    return {
        **({"clockSkew": str(skew)} if abs(skew) > SKEW else {}),
        "name": backup.name,
        "startedAt": stamp(backup.taken_at),
        "stoppedAt": stamp(backup.finished_at),
        "duration": format_duration(timedelta(seconds=round(seconds, 1))),
        "size": backup.size,
        "rows": backup.rows,
        "level": str(backup.level),
        **({"local": backup.local} if backup.uploaded is not None else {}),
        "verifiedAt": stamp(backup.verified_at),
        "serverVersion": backup.server_version,
    }
