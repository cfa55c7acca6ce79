"""The kind PostgresBackup: backups of a database that are fresh and verified."""

from reconcilers.postgres_backup.reconciler import RECONCILER

__all__ = ["RECONCILER"]
