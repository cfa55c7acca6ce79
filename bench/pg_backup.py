"""What a backup that can be trusted costs beside a bare one, on a pgbench database in a private Postgres.

    python bench/pg_backup.py [--scale 68] [--rounds 3]        (68 is about 1 GB; as root)

In turns: a backup with everything (snapshot, row counts, checksums, full read: the level Full) beside bare
`pg_dump -Fc`; and a restore drill (a server of its own, restore, row counts) beside bare `createdb` and
`pg_restore -j2` on the server that is there. Memory is that of this process: what it grows by.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.postgres import BINARIES, PostgresServer, missing, postgres_server

from swarmkeeper.adapters.postgres.backups import PostgresBackups
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.backup_tasks import DatabaseServer, Drill, Dump, Rehearsal, Task

DATABASE = "bench"
Way = Callable[[], None]


def main() -> None:
    """Measures and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=68)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
        client(server, "createdb", DATABASE)
        client(server, "pgbench", "-q", "-i", "-s", str(options.scale), DATABASE)
        ways = Ways(server, Path(folder))
        found: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for name, way in ways.all.items():
                began = time.perf_counter()
                way()
                found.setdefault(name, []).append(time.perf_counter() - began)
        ways.backups.close()
    report(found, ways.grown)


class Ways:
    """What is compared."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.backups = PostgresBackups(SecretFolder(folder, lambda _: None))
        self.grown = 0
        self.number = 0
        self.all: dict[str, Way] = {
            "pg_dump -Fc": self.bare_dump,
            "backup, level Full": self.backup,
            "createdb, pg_restore -j2": self.bare_restore,
            "restore drill": self.drill,
        }

    def bare_dump(self) -> None:
        """What people have in a crontab."""
        client(self.server, "pg_dump", "-Fc", "-f", str(self.folder / "bare"), DATABASE)

    def bare_restore(self) -> None:
        """What people do by hand."""
        client(self.server, "dropdb", "--if-exists", "restored")
        client(self.server, "createdb", "restored")
        client(self.server, "pg_restore", "-j2", "-d", "restored", str(self.folder / "bare"))

    def backup(self) -> None:
        """A backup that counts."""
        place = DatabaseServer(str(self.server.folder), 5432, DATABASE, "postgres")
        self.attend(Dump("bench", place, str(self.folder / "backups"), datetime.now(UTC)))

    def drill(self) -> None:
        """A restore for a trial of the newest one."""
        folder = str(self.folder / "backups")
        newest = self.backups.catalogue(folder, DATABASE).backups[0].name
        self.attend(Rehearsal(folder, newest, datetime.now(UTC), Drill()))

    def attend(self, task: Task) -> None:
        """Does a task as passes do, and notes the memory."""
        self.number += 1
        idle, ended = resident(), threading.Event()

        def watch() -> None:
            while not ended.wait(0.05):
                self.grown = max(self.grown, resident() - idle)

        watcher = threading.Thread(target=watch)
        watcher.start()
        while self.backups.attend("bench", str(self.number), task) is None:
            time.sleep(0.05)
        ended.set()
        watcher.join()


def client(server: PostgresServer, program: str, *words: str) -> None:
    """Runs a program of Postgres against the server."""
    way = {"PGHOST": str(server.folder), "PGUSER": "postgres"}
    command = [str(BINARIES / program), *words]
    subprocess.run(command, check=True, env={**os.environ, **way}, capture_output=True)


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def report(found: dict[str, list[float]], grown: int) -> None:
    """Prints medians and ratios."""
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, seconds in medians.items():
        print(f"{name:28} {seconds:7.2f} s")
    dump, backup, restore, drill = medians.values()
    print(f"backup beside pg_dump        {backup / dump:7.2f} x   (aim: 1.15)")
    print(f"drill beside pg_restore      {drill / restore:7.2f} x   (aim: 1.15)")
    print(f"memory that this process grows by {grown / 2**20:.0f} MiB   (aim: 100)")


if __name__ == "__main__":
    main()
