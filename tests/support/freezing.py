"""Freezes a process, as a machine without memory or a paused virtual machine does."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any


def freeze(process: subprocess.Popen[Any]) -> None:
    """Stops a process; returns once every thread of it stands still."""
    process.send_signal(signal.SIGSTOP)
    tasks = Path(f"/proc/{process.pid}/task")
    while not all(_state(task / "stat") in "TZX" for task in tasks.iterdir()):
        time.sleep(0.001)


def freeze_between_writes(process: subprocess.Popen[Any], database: Path) -> None:
    """Stops a process where it holds no lock of a SQLite database.

    Within a transaction it would hold up every writer for as long as it is frozen: the lock ends with
    its owner only (https://www.sqlite.org/lockingv3.html).
    """
    while True:
        freeze(process)
        if _writable(database):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.001)


def _state(stat: Path) -> str:
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _writable(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True
