"""Processes that outlive us, known by pid *and* start time so that no stranger is ever ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.packages import NSENTER, SETSID
from swarmkeeper.sandbox.waiting import wait_until

# What daemons see: no proxy settings, no tokens, nothing of the caller.
CLEAN_ENV: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}

# Writes its own line of /proc before it becomes the program, so a record is there even when the
# one who started it dies at once. $0 is the record, $1 the log.
_RECORDER: Final = """
read -r stat </proc/$$/stat
printf '%s\\n' "$stat" >"$0"
exec >>"$1" 2>&1
shift
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel knows it: pids are used again, (pid, start time) is not.

    Attributes:
        pid: Its number in the root pid namespace.
        started: When it started, in clock ticks since boot.
    """

    pid: int
    started: int

    @property
    def state(self) -> str:
        """The kernel's letter for its state; empty when it is gone."""
        found = _stat(self.pid)
        return found.state if found and found.started == self.started else ""

    @property
    def alive(self) -> bool:
        """Whether it still runs (a zombie does not)."""
        return self.state not in {"", "Z", "X"}

    @property
    def stopped(self) -> bool:
        """Whether a SIGSTOP holds it, with every thread: a single one can still answer."""
        return self.state == "T" and all(one == "T" for one in _threads(self.pid))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, and never to another that got its pid since."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)

    def hold(self, *, timeout: float = 10) -> None:
        """Stop it, and return once every thread of it stands still.

        The kernel stops each thread as it next comes by; until then it may go on serving.
        """
        self.send(signal.SIGSTOP)
        wait_until(
            lambda: self.stopped or not self.alive,
            timeout=timeout,
            what=f"process {self.pid} to stand still",
            interval=0.001,
        )

    def end(self, number: signal.Signals = signal.SIGKILL, *, timeout: float = 10) -> None:
        """Send a signal and wait until it is gone."""
        self.send(number)
        wait_until(lambda: not self.alive, timeout=timeout, what=f"the end of process {self.pid}")

    def children(self) -> list[Process]:
        """The processes it started that still live."""
        if not self.alive:
            return []
        numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        found = (_stat(number) for number in numbers)
        return [Process(one.pid, one.started) for one in found if one and one.parent == self.pid]


@dataclass(frozen=True, slots=True)
class _Stat:
    """The fields of /proc/PID/stat that we need."""

    pid: int
    name: str
    state: str
    parent: int
    started: int


def parse_stat(line: str) -> _Stat | None:
    """Read a line of /proc/PID/stat; None when it is cut off or is not one."""
    head, _, tail = line.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    if not line.endswith("\n") or len(fields) < 20 or not pid.isdigit():
        return None
    return _Stat(int(pid), name, fields[0], int(fields[1]), int(fields[19]))


def read_record(record: Path) -> Process | None:
    """The process that wrote this record when it started; None when there is none."""
    try:
        stat = parse_stat(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Process(stat.pid, stat.started) if stat else None


def name_of(process: Process) -> str:
    """The program's name as the kernel has it (15 characters at most)."""
    found = _stat(process.pid)
    return found.name if found and found.started == process.started else ""


def spawn(argv: Sequence[str], *, netns: str, record: Path, log: Path) -> Process:
    """Start a daemon inside a network namespace, in a session of its own.

    Args:
        argv: The program, by absolute path, and its arguments.
        netns: The name of the network namespace.
        record: Where its pid and start time get written.
        log: Where its output gets appended.
    """
    record.unlink(missing_ok=True)
    # `nsenter --net`, not `ip netns exec`: the latter hides /sys/fs/cgroup from dockerd.
    inner = [NSENTER, f"--net=/run/netns/{netns}", *argv]
    shell = ["/bin/sh", "-euc", _RECORDER, str(record), str(log), *inner]
    run([SETSID, "--fork", *shell], timeout=10, env=CLEAN_ENV)
    wait_until(
        lambda: read_record(record) is not None,
        timeout=10,
        what=f"{argv[0]} to start",
        interval=0.002,
    )
    process = read_record(record)
    assert process is not None  # noqa: S101 - just waited for; records are never shortened
    return process


def _threads(pid: int) -> list[str]:
    """The state letters of its threads; those that end meanwhile are left out."""
    try:
        tasks = sorted(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []
    found = (_read_stat(task / "stat") for task in tasks)
    return [one.state for one in found if one]


def _stat(pid: int) -> _Stat | None:
    return _read_stat(Path(f"/proc/{pid}/stat"))


def _read_stat(path: Path) -> _Stat | None:
    try:
        return parse_stat(path.read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None
