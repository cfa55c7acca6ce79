"""Looks at the folder of backups, and at what is under way: reads only."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconcilers.postgres_backup.destination import bucket_of
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from swarmkeeper.runtime.backups import Activity, BackupError, Catalogue
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen.

    Attributes:
        catalogue: of the folder.
        activity: what this process does and did for the object.
        reason: CamelCase word for why the folder could not be read; empty where it could.
    """

    catalogue: Catalogue | Unknown
    activity: Activity = field(default_factory=Activity)
    reason: str = ""


def observe(target: Target[PostgresBackupSpec], ports: Ports) -> Observed:
    """Reads the manifests; no dump, and not the server."""
    spec, activity = target.spec, ports.backups.activity(target.uid)
    try:
        catalogue = ports.backups.catalogue(spec.folder, spec.server.database, bucket_of(spec.s3))
    except BackupError as error:
        return Observed(Unknown(error.message), activity, error.reason)
    if not catalogue.exists and target.status.get("lastSuccessfulBackup"):
        if catalogue.bucket_fault is not None:
            fault = catalogue.bucket_fault
            return Observed(Unknown(fault.message), activity, fault.reason)
        text = f"{spec.folder} held backups and is gone: is the volume mounted?"
        return Observed(Unknown(text), activity, "FolderMissing")
    if not catalogue.exists and not target.uid:  # a dry run, most often on another machine
        text = f"there is no {spec.folder} here: whether a backup is due is known where the operator runs"
        return Observed(Unknown(text), activity, "FolderMissing")
    return Observed(catalogue, activity)
