"""Takes the steps. What takes longer than a pass goes on by itself, and is asked for again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from reconcilers.postgres_backup.assess import good
from reconcilers.postgres_backup.destination import bucket_of
from reconcilers.postgres_backup.retention import expired
from reconcilers.postgres_backup.spec import (
    PostgresBackupSpec,
    admin_of,
    checks_of,
    drill_of,
    dump_of,
)
from reconcilers.postgres_backup.uploads import prunable
from swarmkeeper.runtime.backup_tasks import (
    Method,
    Recheck,
    Rehearsal,
    Restore,
    SwapBack,
    Task,
    Upload,
)
from swarmkeeper.runtime.backups import BackupError, Backups, Catalogue
from swarmkeeper.runtime.errors import Retry, Stalled, UnderWay
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target

_FOR_HUMANS: Final = frozenset(
    {
        *("AuthenticationFailed", "PermissionDenied", "DatabaseMissing", "SecretMissing"),
        *("CertificateRefused", "VersionTooNew", "ProgramMissing", "CompressionUnsupported"),
        *("FolderMissing", "TableMissing", "TooSmall", "ManifestUnreadable", "ExtensionMissing"),
        *("NothingToSwap", "Foreign", "MethodUnsupported"),
        *("BucketMissing", "AccessDenied", "CredentialsRefused"),
    }
)
_NOT_AGAIN: Final = frozenset({"RestoreFailed", "RowsDiffer", "DatabaseBusy"})
"""What is not tried again in place: each attempt makes writers wait."""
_LONGEST: Final = timedelta(hours=1)


def act(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    """Takes one step; what it gives is for the trail.

    Raises:
        UnderWay: it goes on.
        Retry: it can't be done now.
        Stalled: a human must do something about it.
    """
    steps = {
        "backup": _backup,
        "verify": _verify,
        "drill": _drill,
        "expire": _expire,
        "upload": _upload,
        "prune": _prune,
        "restore": _restore,
        "swap-back": _swap_back,
        "cancel": _cancel,
    }
    try:
        return steps[action.runbook](target, action, backups)
    except BackupError as error:
        in_place = action.runbook == "restore" and target.spec.restore.method is Method.IN_PLACE
        if error.reason in _FOR_HUMANS or (in_place and error.reason in _NOT_AGAIN):
            raise Stalled(error.message, reason=error.reason) from error
        # What was costly is not tried again at once.
        after = min(timedelta(seconds=error.cost), _LONGEST)
        raise Retry(error.message, reason=error.reason, after=after) from error


def _backup(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    task = dump_of(target.spec, target.ref.name, target.now)
    if "newest" in action.parameters:  # planned, not asked for
        task = replace(task, newest=action.parameters["newest"])
    return _attend(target, action, backups, task)


def _verify(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec = target.spec
    task = Recheck(
        spec.folder,
        _chosen(target, action, backups),
        spec.server.database,
        target.now,
        checks_of(spec, target.ref.name),
        spec.backup_timeout.total_seconds(),
        bucket_of(spec.s3),
    )
    return _attend(target, action, backups, task)


def _drill(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec = target.spec
    task = Rehearsal(
        spec.folder,
        _chosen(target, action, backups),
        target.now,
        drill_of(spec, target.ref.name),
        spec.backup_timeout.total_seconds(),
        bucket_of(spec.s3),
    )
    return _attend(target, action, backups, task)


def _restore(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec, asked = target.spec, action.parameters
    catalogue = _catalogue(target, backups)
    known = [one.name for one in good(spec, catalogue, target.now)]
    name = str(asked.get("backup") or next(iter(known), ""))
    if name not in known:
        raise Stalled(f"there is no backup {name} that counts", reason="BackupMissing")
    safety = dump_of(spec, target.ref.name, target.now)
    task = Restore(
        spec.folder,
        name,
        admin_of(spec),
        target.now,
        action.key(target.uid, 0),
        None if asked.get("safetyBackup") == "no" else safety,
        drain=spec.restore.drain.total_seconds(),
        reconnect=spec.restore.reconnect.total_seconds(),
        timeout=spec.backup_timeout.total_seconds(),
        method=spec.restore.method,
        bucket=bucket_of(spec.s3),
    )
    return _attend(target, action, backups, task)


def _swap_back(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec = target.spec
    task = SwapBack(
        admin_of(spec),
        target.now,
        action.key(target.uid, 0),
        str(action.parameters.get("former", "")),
        spec.restore.drain.total_seconds(),
        spec.restore.reconnect.total_seconds(),
    )
    return _attend(target, action, backups, task)


def _chosen(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    """The backup that is meant: by default the newest one."""
    found = _catalogue(target, backups).backups
    name = action.parameters.get("backup") or next((one.name for one in found), "")
    if name not in {one.name for one in found}:
        raise Stalled(f"there is no backup {name}", reason="BackupMissing")
    return str(name)


def _expire(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec = target.spec
    catalogue = _catalogue(target, backups)
    may_go = expired(good(spec, catalogue, target.now), spec.retention, target.now)
    asked = action.parameters.get("backups", list(may_go))
    names = [name for name in asked if name in may_go]
    backups.expire(spec.folder, names, bucket_of(spec.s3))
    return f"removed {', '.join(names)}" if names else "nothing had expired"


def _upload(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec, bucket = target.spec, bucket_of(target.spec.s3)
    if bucket is None:
        raise Stalled("no bucket is declared", reason="BucketMissing")
    name, timeout = _chosen(target, action, backups), spec.backup_timeout.total_seconds()
    task = Upload(spec.folder, name, bucket, target.now, timeout)
    return _attend(target, action, backups, task)


def _prune(target: Target[PostgresBackupSpec], action: Action, backups: Backups) -> str:
    spec, bucket = target.spec, bucket_of(target.spec.s3)
    if bucket is None:
        raise Stalled("no bucket is declared", reason="BucketMissing")
    may_go = prunable(spec, _catalogue(target, backups), target.now)
    asked = action.parameters.get("backups", list(may_go))
    gone = backups.prune(spec.folder, [name for name in asked if name in may_go], bucket)
    return f"removed {', '.join(gone)} from the folder" if gone else "nothing was to be removed"


def _catalogue(target: Target[PostgresBackupSpec], backups: Backups) -> Catalogue:
    """All backups.

    Raises:
        BackupError: they can't be looked at; not even those in the bucket alone.
    """
    spec = target.spec
    found = backups.catalogue(spec.folder, spec.server.database, bucket_of(spec.s3))
    if found.bucket_fault is not None:
        raise BackupError(found.bucket_fault.reason, found.bucket_fault.message)
    return found


def _cancel(target: Target[PostgresBackupSpec], _action: Action, backups: Backups) -> str:
    return "asked it to end" if backups.cancel(target.uid) else "nothing was under way"


def _attend(
    target: Target[PostgresBackupSpec], action: Action, backups: Backups, task: Task
) -> str:
    # Of no generation: a change of the spec ends nothing that is under way.
    done = backups.attend(target.uid, action.key(target.uid, 0), task)
    if done is None:
        raise UnderWay(f"{action.runbook} of {action.target} is under way")
    return done
