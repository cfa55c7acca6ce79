"""Child processes that can be ended at any time, and that end with us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO, Final

from swarmkeeper.runtime.backups import BackupError

_POLL: Final = 0.2  # seconds between looks at the request to stop
_GRACE: Final = 5.0
_SHOWN: Final = 8192  # bytes of what a program says that are kept


@dataclass(slots=True)
class Leash:
    """What ends a task early.

    Attributes:
        seconds: that it may take.
        cancelled: set by whoever wants it to end.
        started: monotonic.
    """

    seconds: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)

    def later(self, now: datetime) -> datetime:
        """The time, where it was `now` when the task began."""
        return now + timedelta(seconds=time.monotonic() - self.started)

    def check(self) -> None:
        """Goes on, or not.

        Raises:
            BackupError: it was cancelled, or takes too long.
        """
        if self.cancelled.is_set():
            raise BackupError("Cancelled", "it was cancelled")
        if time.monotonic() - self.started > self.seconds:
            raise BackupError("Timeout", f"it took longer than {self.seconds:.0f} s and was ended")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        name: of the program.
        code: of its exit; negative for a signal.
        said: the end of what it wrote to stderr.
    """

    name: str
    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run.

    Attributes:
        words: program and arguments; no secret among them.
        env: all of its environment.
        keep: file descriptors that it inherits.
    """

    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[int] = ()


def run(
    commands: Sequence[Command],
    leash: Leash,
    *,
    stdin: IO[bytes] | None = None,
    stdout: int | IO[bytes],
) -> list[Ended]:
    """Runs programs, each reading what the one before writes, until all have ended.

    Args:
        commands: of the pipeline.
        leash: what ends them early.
        stdin: of the first one; nothing by default.
        stdout: of the last one.

    Returns:
        How each has ended, in their order.

    Raises:
        BackupError: they were ended early.
    """
    processes: list[subprocess.Popen[bytes]] = []
    said = [tempfile.TemporaryFile() for _ in commands]  # noqa: SIM115 - closed below
    try:
        source: IO[bytes] | None = stdin
        for number, command in enumerate(commands):
            last = number == len(commands) - 1
            process = subprocess.Popen(
                [*tied(), *command.words],
                stdin=source or subprocess.DEVNULL,
                stdout=stdout if last else subprocess.PIPE,
                stderr=said[number],
                env={"PATH": os.defpath, "LC_ALL": "C", **command.env},
                pass_fds=command.keep,
                start_new_session=True,
                umask=0o077,
            )
            if source is not None and source is not stdin:
                source.close()
            source = process.stdout
            processes.append(process)
        _wait(processes, leash)
        return [_ended(c, p, s) for c, p, s in zip(commands, processes, said, strict=True)]
    finally:
        for process in processes:
            end(process)
        for file in said:
            file.close()


@contextmanager
def output(command: Command, leash: Leash) -> Iterator[Iterator[bytes]]:
    """What a program writes, in chunks, while it runs.

    Raises:
        BackupError: it was ended early, or failed.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*tied(), *command.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={"PATH": os.defpath, "LC_ALL": "C", **command.env},
            start_new_session=True,
        )
        try:
            yield _chunks(process, leash)
            process.wait()
            ended = _ended(command, process, said)
        finally:
            end(process)
    if ended.code:
        raise BackupError("Unreadable", f"{ended.name} failed: {last_line(ended.said)}")


def last_line(text: str) -> str:
    """The last line of what a program said: where it says why."""
    return text.rpartition("\n")[2] or "it said nothing"


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it has started: politely first."""
    for number, grace in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        if process.poll() is not None:
            break
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    if process.stdout is not None:
        process.stdout.close()


def _chunks(process: subprocess.Popen[bytes], leash: Leash) -> Iterator[bytes]:
    while process.stdout is not None and (chunk := process.stdout.read(1 << 20)):
        leash.check()
        yield chunk


def _wait(processes: Sequence[subprocess.Popen[bytes]], leash: Leash) -> None:
    for process in processes:
        while True:
            leash.check()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL)
                break


def _ended(command: Command, process: subprocess.Popen[bytes], said: IO[bytes]) -> Ended:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _SHOWN))
    text = said.read().decode(errors="replace").strip()
    return Ended(os.path.basename(command.words[0]), process.returncode, text)  # noqa: PTH119


def tied() -> tuple[str, ...]:
    """Lets the kernel end a program when we are killed; without it, it ends by itself."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
