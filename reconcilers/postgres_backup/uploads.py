"""What is to be brought into the bucket, and what need not stay in the folder. Pure."""

from __future__ import annotations

from datetime import datetime

from reconcilers.postgres_backup.assess import good, written
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from swarmkeeper.runtime.backups import Backup, Catalogue


def missing(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> tuple[Backup, ...]:
    """Backups that would count if the bucket held them, newest first."""
    return tuple(one for one in written(spec, catalogue, now) if one.uploaded is False)


def prunable(spec: PostgresBackupSpec, catalogue: Catalogue, now: datetime) -> tuple[str, ...]:
    """Names of backups that the bucket holds and that the folder need not, newest first.

    The newest keepLocal ones stay, and what is pinned there; what does not count is never removed.
    """
    if spec.s3 is None or catalogue.bucket_fault is not None:
        return ()
    here = [one for one in good(spec, catalogue, now) if one.local]
    return tuple(one.name for one in here[spec.s3.keep_local :] if not one.pinned)
