"""Tasks that take longer than a pass: one at a time for each object, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import files
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.runtime.backups import BackupError, Progress

logger: Final = logging.getLogger(__name__)
SOON: Final = 1.0
"""Seconds that the beginner of a task waits for its end: a small database needs no second pass."""
_CLOSING: Final = 10.0


@dataclass(slots=True)
class Counter:
    """Bytes that have gone over a wire.

    Attributes:
        bytes: so far.
    """

    bytes: int = 0


@dataclass(slots=True)
class Job:
    """One task.

    Attributes:
        token: of the step that wants it.
        leash: what ends it early.
        doing: what it does now.
        grows: the file or folder that grows meanwhile, or what counts.
        expected: bytes in the end; 0 where that is not known.
        outcome: what was done.
        error: why it failed, or None.
        ended: set when it has ended.
        thread: that works on it.
    """

    token: str
    leash: Leash
    doing: str = "begin"
    grows: Path | Counter | None = None
    expected: int = 0
    outcome: str = ""
    error: BackupError | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def tell(self, doing: str, grows: Path | Counter, expected: int) -> None:
        """Takes down how far it is."""
        self.doing, self.grows, self.expected = doing, grows, expected

    def progress(self) -> Progress:
        """How far it is."""
        grows = self.grows
        done = grows.bytes if isinstance(grows, Counter) else files.size_of(grows) if grows else 0
        return Progress(self.doing, done, self.expected, time.monotonic() - self.leash.started)


Work = Callable[[Job], str]


class Jobs:
    """All tasks of this process. Thread-safe."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._guard = threading.Lock()

    def attend(self, owner: str, token: str, seconds: float, work: Work) -> str | None:
        """Begins a task or follows it; see `Backups.attend`.

        Args:
            owner: identity of the object.
            token: identity of the step.
            seconds: that the task may take.
            work: the task; raises BackupError.

        Raises:
            BackupError: it failed.
        """
        with self._guard:
            job = self._jobs.get(owner)
            begun = job is None or (job.ended.is_set() and job.token != token)
            if job is None or begun:
                job = self._jobs[owner] = Job(token, Leash(seconds))
        if begun:
            self._start(job, work)
            job.ended.wait(SOON)
        if not job.ended.is_set() or job.token != token:
            return None
        with self._guard:
            if self._jobs.get(owner) is job:
                del self._jobs[owner]
        if job.error is not None:
            raise job.error
        return job.outcome

    def progress(self, owner: str) -> Progress | None:
        """How far the task of an object is, or None."""
        with self._guard:
            job = self._jobs.get(owner)
        return None if job is None or job.ended.is_set() else job.progress()

    def cancel(self, owner: str) -> bool:
        """Asks the task of an object to end; whether there was one."""
        with self._guard:
            job = self._jobs.get(owner)
        if job is None or job.ended.is_set():
            return False
        job.leash.cancelled.set()
        return True

    def close(self) -> None:
        """Ends all tasks, and waits a moment for them."""
        with self._guard:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.leash.cancelled.set()
        deadline = time.monotonic() + _CLOSING
        for job in jobs:
            job.ended.wait(max(0.0, deadline - time.monotonic()))

    def _start(self, job: Job, work: Work) -> None:
        job.thread = threading.Thread(target=_run, args=(job, work), name="backup", daemon=True)
        job.thread.start()


def _run(job: Job, work: Work) -> None:
    try:
        job.outcome = work(job)
    except BackupError as error:
        job.error = error
    except Exception as error:
        logger.exception("task failed", extra={"doing": job.doing})
        job.error = BackupError("InternalError", f"{type(error).__name__}: {error}")
    finally:
        if job.error is not None:
            job.error.cost = time.monotonic() - job.leash.started
        job.ended.set()
