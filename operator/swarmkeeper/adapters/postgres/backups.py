"""The port Backups on the client programs of Postgres and a folder."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from swarmkeeper.adapters.postgres import dumping, rechecking, remote, restoring, transfer
from swarmkeeper.adapters.postgres.catalogue import catalogue
from swarmkeeper.adapters.postgres.connection import access
from swarmkeeper.adapters.postgres.folder import held, told
from swarmkeeper.adapters.postgres.jobs import Job, Jobs
from swarmkeeper.adapters.postgres.remote import Known
from swarmkeeper.adapters.postgres.s3 import Stores
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.backup_tasks import (
    Bucket,
    Dump,
    Fault,
    Recheck,
    Rehearsal,
    Restore,
    SwapBack,
    Task,
    Upload,
)
from swarmkeeper.runtime.backups import Activity, BackupError, Catalogue, Failure

_AtFolder = Dump | Recheck | Rehearsal | Restore | SwapBack


class PostgresBackups:
    """Backups by pg_dump; see `Backups`.

    Args:
        secrets: where passwords and certificates lie.
    """

    def __init__(self, secrets: SecretFolder) -> None:
        self._secrets = secrets
        self._stores = Stores(secrets)
        self._known: dict[Bucket, Known] = {}
        self._jobs = Jobs()
        self._failures: dict[str, Failure] = {}
        self._guard = threading.Lock()

    def catalogue(self, folder: str, database: str, bucket: Bucket | None = None) -> Catalogue:
        """What lies in a folder and a bucket; see `Backups.catalogue`."""
        local = catalogue(folder, database)
        if bucket is None:
            return local
        try:
            known = self._known.setdefault(bucket, {})
            there = remote.look(self._stores.open(bucket), database, known)
        except BackupError as error:
            return replace(local, bucket_fault=Fault(error.reason, error.message))
        return remote.merged(local, there)

    def activity(self, owner: str) -> Activity:
        """What is under way for an object, and what failed last."""
        with self._guard:
            failure = self._failures.get(owner)
        return Activity(self._jobs.progress(owner), failure)

    def attend(self, owner: str, token: str, task: Task) -> str | None:
        """Begins a task or follows it; see `Backups.attend`."""
        return self._jobs.attend(owner, token, task.timeout, partial(self._work, owner, task))

    def cancel(self, owner: str) -> bool:
        """Ends what is under way for an object; see `Backups.cancel`."""
        return self._jobs.cancel(owner)

    def expire(self, folder: str, names: Sequence[str], bucket: Bucket | None = None) -> None:
        """Removes backups; see `Backups.expire`."""
        if bucket is not None:
            transfer.expire(folder, names, self._stores.open(bucket))
            return
        with held(folder) as place, told(folder):
            place.sweep()
            for name in names:
                place.remove(name)

    def prune(self, folder: str, names: Sequence[str], bucket: Bucket) -> tuple[str, ...]:
        """Removes backups from the folder alone; see `Backups.prune`."""
        return transfer.prune(folder, names, self._stores.open(bucket))

    def close(self) -> None:
        """Ends all that is under way."""
        self._jobs.close()

    def _work(self, owner: str, task: Task, job: Job) -> str:
        if isinstance(task, Upload):
            store = self._stores.open(task.bucket)
            return transfer.upload(task, store, job.leash, job.tell)
        if isinstance(task, Recheck | Rehearsal | Restore) and task.bucket is not None:
            return self._beside_bucket(owner, task, task.bucket, job)
        return self._at_folder(owner, task, job)

    def _beside_bucket(
        self, owner: str, task: Recheck | Rehearsal | Restore, bucket: Bucket, job: Job
    ) -> str:
        store = self._stores.open(bucket)
        transfer.fetch(task.folder, task.backup, store, job.leash, job.tell)
        done = self._at_folder(owner, task, job)
        if not isinstance(task, Restore):
            transfer.settle(task.folder, task.backup, store)
        return done

    def _at_folder(self, owner: str, task: _AtFolder, job: Job) -> str:
        open_ = partial(access, secrets=self._secrets)
        if isinstance(task, Recheck):
            return rechecking.recheck(task, open_, job.leash, job.tell)
        if isinstance(task, Rehearsal):
            return rechecking.rehearse(task, open_, job.leash, job.tell)
        if isinstance(task, Restore):
            return restoring.restore(task, open_, job.leash, job.tell)
        if isinstance(task, SwapBack):
            return restoring.swap_back(task, open_, job.leash, job.tell)
        try:
            return dumping.take(task, open_, job.leash, job.tell)
        except BackupError as error:
            with self._guard:
                at = job.leash.later(task.now)
                self._failures[owner] = Failure(error.reason, error.message, at)
            raise
