"""Decides what to do about the backups. Pure.

In this order: a backup that is due, uploads, verifications, a restore drill, and then what has expired
goes, and what need not lie in the folder.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconcilers.postgres_backup.assess import (
    drill_due,
    due,
    good,
    has_failed,
    last_drill,
    last_failure,
    written,
)
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.retention import expired
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from reconcilers.postgres_backup.uploads import missing, prunable
from swarmkeeper.runtime.backups import CHANGED, Backup, Catalogue
from swarmkeeper.runtime.diff import ABSENT, FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.unknown import Unknown


def plan(target: Target[PostgresBackupSpec], observed: Observed) -> Plan:
    """The drift, and the steps that correct it."""
    catalogue = observed.catalogue
    if isinstance(catalogue, Unknown):
        return Plan(unknown=(catalogue.reason,))
    backup = tuple(_backup(target, catalogue))
    upload, prune = tuple(_upload(target, catalogue)), tuple(_prune(target, catalogue))
    verify, drill = tuple(_verify(target, catalogue)), tuple(_drill(target, catalogue))
    expire = tuple(_expire(target, observed))
    drift = (
        *_due(target, catalogue),
        *(_diff(target, "spec.s3", step) for step in upload),
        *(_diff(target, "spec.verification", step) for step in verify),
        *(_diff(target, "spec.restoreDrill", step) for step in drill),
        *(_diff(target, "spec.retention", step) for step in expire),
        *(_diff(target, "spec.s3.keepLocal", step) for step in prune),
    )
    return Plan(drift=drift, actions=(*backup, *upload, *verify, *drill, *expire, *prune))


def _due(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[FieldDiff]:
    wanted = due(target.spec, catalogue, target.now)
    if wanted is not None:
        origin = target.origin_of(wanted.path)
        yield FieldDiff(wanted.path, wanted.want, wanted.got, origin)


def _diff(target: Target[PostgresBackupSpec], path: str, step: Action) -> FieldDiff:
    return FieldDiff(path, dict(step.after), dict(step.before), target.origin_of(path))


def _backup(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Action]:
    wanted = due(target.spec, catalogue, target.now)
    if wanted is None:
        return
    newest = next(iter(written(target.spec, catalogue, target.now)), None)
    yield Action(
        "backup",
        f"database/{target.spec.server.database}",
        before={"newest": newest.name if newest else ABSENT},
        after={"newest": "a verified backup", "level": target.spec.verification.level},
        reason=wanted.message,
        parameters={"newest": newest.name if newest else ""},
    )


def _upload(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Action]:
    """The newest backup that is missing in the bucket; the next one has its turn afterwards."""
    for backup in missing(target.spec, catalogue, target.now)[:1]:
        fault = backup.upload_fault
        yield Action(
            "upload",
            f"backup/{backup.name}",
            before={"bucket": fault.message if fault else ABSENT},
            after={"bucket": backup.name},
            reason=f"in the bucket {fault.message}" if fault else "the bucket does not hold it",
            parameters={"backup": backup.name},
        )


def _prune(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Action]:
    names = prunable(target.spec, catalogue, target.now)
    if names:
        yield Action(
            "prune",
            f"folder/{target.spec.folder}",
            before={"backups": list(names)},
            after={"backups": []},
            reason="the bucket holds them",
            parameters={"backups": list(names)},
        )


def _verify(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Action]:
    """The first backup whose verification is due; the next one has its turn afterwards."""
    for backup in catalogue.backups:
        reason = _doubt(target, backup)
        if reason:
            yield Action(
                "verify",
                f"backup/{backup.name}",
                before={"verified": backup.verified_at.isoformat(timespec="seconds")},
                after={"level": target.spec.verification.level},
                reason=reason,
                parameters={"backup": backup.name},
            )
            return


def _doubt(target: Target[PostgresBackupSpec], backup: Backup) -> str:
    """Why a backup must be verified again, or nothing."""
    check = target.spec.verification
    if backup.fault is not None:
        return backup.fault.message if backup.fault.reason == CHANGED else ""
    if not backup.level.reaches(check.level):
        return f"it was verified by {backup.level} only"
    if target.now - backup.verified_at > check.every:
        return f"it was verified more than {check.every} ago"
    return ""


def _drill(target: Target[PostgresBackupSpec], catalogue: Catalogue) -> Iterator[Action]:
    if due(target.spec, catalogue, target.now) is not None:
        return  # the new one is what counts
    wanted = drill_due(target, catalogue)
    if wanted is not None:
        backup, reason = wanted
        last = last_drill(target, catalogue)
        yield Action(
            "drill",
            f"backup/{backup.name}",
            before={"lastDrill": last.result.at.isoformat() if last else ABSENT},
            after={"restored": backup.name},
            reason=reason,
            parameters={"backup": backup.name},
        )


def _expire(target: Target[PostgresBackupSpec], observed: Observed) -> Iterator[Action]:
    catalogue, spec = observed.catalogue, target.spec
    if isinstance(catalogue, Unknown) or due(spec, catalogue, target.now) is not None:
        return
    if catalogue.bucket_fault is not None or missing(spec, catalogue, target.now):
        return  # what was never uploaded may be what is wanted
    known = good(spec, catalogue, target.now)
    if has_failed(known[0], last_failure(target, observed)):
        return
    last = last_drill(target, catalogue) if spec.restore_drill else None
    if last is not None and last.result.fault is not None:
        return
    if catalogue.backups[0] is not known[0]:
        return  # something newer does not count: nobody knows why yet
    names = expired(known, spec.retention, target.now)
    if names:
        yield Action(
            "expire",
            f"folder/{spec.folder}",
            before={"backups": list(names)},
            after={"backups": []},
            reason=f"{len(known)} backups count, {len(known) - len(names)} are kept",
            risk=Risk.HIGH,
            parameters={"backups": list(names)},
        )
