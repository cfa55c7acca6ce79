"""A process is known by pid and start time, so that a stranger with its pid is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmkeeper.sandbox.processes import Process, name_of, parse_stat, read_record

TAIL = " ".join(str(number) for number in range(4, 52))


@pytest.fixture
def sleeper() -> Iterator[Process]:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        stat = parse_stat(Path(f"/proc/{child.pid}/stat").read_text())
        assert stat is not None
        yield Process(stat.pid, stat.started)
        child.kill()


@pytest.mark.parametrize("name", ["dockerd", "a b", "a) S 1", "(x)"])
def test_a_name_may_hold_anything(name: str) -> None:
    stat = parse_stat(f"7 ({name}) S {TAIL}\n")

    assert stat is not None
    assert (stat.pid, stat.name, stat.state, stat.parent, stat.started) == (7, name, "S", 4, 22)


@pytest.mark.parametrize("line", ["", "\n", f"7 (x) S {TAIL}", "7 (x) S 1 2\n", "x\n", "7"])
def test_a_line_that_is_cut_off_is_no_process(line: str, tmp_path: Path) -> None:
    (tmp_path / "record").write_text(line)

    assert parse_stat(line) is None
    assert read_record(tmp_path / "record") is None


def test_a_missing_record_is_no_process(tmp_path: Path) -> None:
    assert read_record(tmp_path / "record") is None


def test_a_process_lives_until_it_is_ended(sleeper: Process) -> None:
    assert sleeper.alive
    assert name_of(sleeper) == "sleep"
    assert sleeper in Process(os.getpid(), _started(os.getpid())).children()

    sleeper.end()

    assert not sleeper.alive
    sleeper.end()


def test_a_process_can_be_stopped(sleeper: Process) -> None:
    sleeper.hold()
    assert sleeper.stopped

    sleeper.send(signal.SIGCONT)
    while sleeper.stopped:
        pass


def test_a_process_that_is_held_does_nothing_more() -> None:
    count = (
        "import threading, time\n"
        "def tell():\n"
        "    while True: print('on', flush=True)\n"
        "for _ in range(3): threading.Thread(target=tell).start()\n"
    )
    with subprocess.Popen([sys.executable, "-c", count], stdout=subprocess.PIPE) as talker:
        assert talker.stdout is not None
        process = Process(talker.pid, _started(talker.pid))
        try:
            talker.stdout.readline()
            process.hold()
            os.set_blocking(talker.stdout.fileno(), False)
            while talker.stdout.read():
                pass  # what it had said before
            time.sleep(0.05)
            assert not talker.stdout.read()
        finally:
            process.end()


def test_a_stranger_with_the_same_pid_is_left_alone(sleeper: Process) -> None:
    earlier = Process(sleeper.pid, sleeper.started - 1)

    assert not earlier.alive
    assert earlier.children() == []
    earlier.send(signal.SIGKILL)
    earlier.end()

    assert sleeper.alive


def _started(pid: int) -> int:
    stat = parse_stat(Path(f"/proc/{pid}/stat").read_text())
    assert stat is not None
    return stat.started
