"""The kind PostgresBackup."""

from __future__ import annotations

from typing import Final

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import READY_COLUMNS, Column, Kind
from reconcilers.postgres_backup import act as acting
from reconcilers.postgres_backup import observe as observing
from reconcilers.postgres_backup import plan as planning
from reconcilers.postgres_backup import verify as verifying
from reconcilers.postgres_backup.observe import Observed
from reconcilers.postgres_backup.runbooks import RUNBOOKS
from reconcilers.postgres_backup.spec import PostgresBackupSpec
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification

KIND: Final = Kind(
    name="PostgresBackup",
    plural="postgresbackups",
    spec=PostgresBackupSpec,
    short_names=("pgb",),
    columns=(
        Column("Database", ".spec.server.database", description="What is backed up"),
        Column("Backups", ".status.verifiedBackups", "integer", description="Backups that count"),
        Column(
            "Last", ".status.lastBackupTime", "date", description="When the newest one was taken"
        ),
        *READY_COLUMNS,
    ),
    description="Keeps backups of a Postgres database fresh, verified and retained.",
)


class PostgresBackupReconciler:
    """Keeps the backups of one database as declared; see README.md."""

    kind = KIND
    runbooks = RUNBOOKS
    steady = False  # backups grow old

    def signals(self, ref: ObjectRef, spec: PostgresBackupSpec) -> frozenset[str]:
        """None: nothing tells of a folder; the interval looks."""
        return frozenset()

    def observe(self, target: Target[PostgresBackupSpec], ports: Ports) -> Observed:
        """Reads the manifests of all backups, and what is under way."""
        return observing.observe(target, ports)

    def plan(self, target: Target[PostgresBackupSpec], observed: Observed) -> Plan:
        """`backup` where one is due, `verify` where one is in doubt, `expire`."""
        return planning.plan(target, observed)

    def act(self, target: Target[PostgresBackupSpec], action: Action, ports: Ports) -> str:
        """Takes one step; see runbooks.py."""
        return acting.act(target, action, ports.backups)

    def verify(self, target: Target[PostgresBackupSpec], observed: Observed) -> Verification:
        """Fresh, Verified and LastBackupSucceeded."""
        return verifying.verify(target, observed)

    def finalize(self, target: Target[PostgresBackupSpec], observed: Observed) -> Plan:
        """Nothing: backups outlive the object that took them."""
        return Plan()

    def remember(self, target: Target[PostgresBackupSpec], observed: Observed) -> JsonObject | None:
        """Nothing."""
        return None


RECONCILER: Final = PostgresBackupReconciler()
