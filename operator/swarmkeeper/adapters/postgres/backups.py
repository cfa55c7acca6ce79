"""The port Backups on the client programs of Postgres and a folder."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

from swarmkeeper.adapters.postgres import dumping, rechecking, restoring
from swarmkeeper.adapters.postgres.catalogue import catalogue
from swarmkeeper.adapters.postgres.connection import access
from swarmkeeper.adapters.postgres.folder import held, told
from swarmkeeper.adapters.postgres.jobs import Job, Jobs
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.backup_tasks import Recheck, Rehearsal, Restore, SwapBack, Task
from swarmkeeper.runtime.backups import Activity, BackupError, Catalogue, Failure


class PostgresBackups:
    """Backups by pg_dump; see `Backups`.

    Args:
        secrets: where passwords and certificates lie.
    """

    def __init__(self, secrets: SecretFolder) -> None:
        self._secrets = secrets
        self._jobs = Jobs()
        self._failures: dict[str, Failure] = {}
        self._guard = threading.Lock()

    def catalogue(self, folder: str, database: str) -> Catalogue:
        """What lies in a folder; see `Backups.catalogue`."""
        return catalogue(folder, database)

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

    def expire(self, folder: str, names: Sequence[str]) -> None:
        """Removes backups; see `Backups.expire`."""
        with held(folder) as place, told(folder):
            place.sweep()
            for name in names:
                place.remove(name)

    def close(self) -> None:
        """Ends all that is under way."""
        self._jobs.close()

    def _work(self, owner: str, task: Task, job: Job) -> str:
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
