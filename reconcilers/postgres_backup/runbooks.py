"""The named procedures of backups."""

from __future__ import annotations

from functools import partial
from typing import Final

from reconcilers.postgres_backup.spec import PostgresBackupSpec
from swarmkeeper.runtime.backup_tasks import Method
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.runtime.runbook import HealthChecks, Parameter, Runbook


def _health(way_back: str, spec: PostgresBackupSpec) -> HealthChecks | None:
    """Who uses the database must be well with what stands in it now."""
    how = spec.restore
    if how.method is Method.IN_PLACE:
        way_back = "the runbook `restore` with the safety backup"
    return HealthChecks(how.health_checks, how.health_timeout, how.health_delay, way_back)


RUNBOOKS: Final[tuple[Runbook, ...]] = (
    Runbook(
        "backup",
        "Takes a backup and verifies it before it counts; verified by its manifest.",
        Risk.LOW,
        revert="None is needed: nothing is changed but a backup is added.",
    ),
    Runbook(
        "verify",
        "Verifies a backup again and writes down what was found; verified by its manifest.",
        Risk.LOW,
        revert="None is needed: the dump is only read.",
        parameters=(Parameter("backup", "Its name; by default the newest one."),),
    ),
    Runbook(
        "drill",
        "Restores a backup into a throw-away Postgres, counts all rows and asks the assertions; "
        "verified by its manifest.",
        Risk.LOW,
        revert="None is needed: the throw-away Postgres is removed.",
        parameters=(Parameter("backup", "Its name; by default the newest one."),),
    ),
    Runbook(
        "expire",
        "Removes backups that retention does not keep; verified by the folder.",
        Risk.HIGH,
        revert="None: pin what must stay by a file `keep` in its folder.",
    ),
    Runbook(
        "upload",
        "Puts a backup into the bucket, its manifest last; verified by a listing of the bucket.",
        Risk.LOW,
        revert="expire",
        parameters=(Parameter("backup", "Its name; by default the newest one."),),
    ),
    Runbook(
        "prune",
        "Removes backups from the folder that the bucket holds, as a fresh look shows; verified by "
        "the folder.",
        Risk.LOW,
        revert="None is needed: a backup is fetched when it is used.",
    ),
    Runbook(
        "restore",
        "Takes a safety backup, restores a backup into a new database, counts its rows, and lets it take "
        "the place of the one in use, which stays under another name; or restores it in place, in one "
        "transaction; verified by the rows, and by spec.restore.healthChecks.",
        Risk.HIGH,
        revert="The runbook swap-back; after a restore in place, restore of the safety backup.",
        parameters=(
            Parameter("backup", "Its name; by default the newest one that counts."),
            Parameter(
                "safetyBackup", "no: take none; by Swap, the former database stays all the same."
            ),
        ),
        automatic=False,
        confirm=True,
        health=partial(_health, "the runbook `swap-back`"),
    ),
    Runbook(
        "swap-back",
        "Puts the former database in the place of the restored one, which stays under another name; "
        "verified by the server.",
        Risk.HIGH,
        revert="restore",
        parameters=(Parameter("former", "Name of the database; by default the newest one."),),
        automatic=False,
        confirm=True,
        health=partial(_health, "the runbook `restore`"),
    ),
    Runbook(
        "cancel",
        "Ends the backup or verification that is under way; verified by nothing being under way.",
        Risk.LOW,
        revert="backup",
        automatic=False,
        leaves=("Cancelled",),
    ),
)
