"""A PostgresBackup in the engine, on a real server and a real folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from reconcilers.registry import RECONCILERS
from support.harness import HandClock, Harness
from support.postgres import PostgresServer
from swarmkeeper.adapters.postgres import manifest as manifests
from swarmkeeper.adapters.postgres.backups import PostgresBackups
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.store.audit import Entry
from swarmkeeper.testing import FakeHttp, FakeSwarm

REF = ObjectRef("PostgresBackup", "orders")
_DEADLINE = 60.0


def engine(store: Path, secrets: Path, clock: HandClock) -> tuple[Harness, PostgresBackups]:
    """An operator with empty hands, on a store."""
    backups = PostgresBackups(SecretFolder(secrets, lambda _: None))
    ports = Ports(FakeSwarm(), FakeHttp(), clock, backups=backups)
    return Harness(path=store, reconcilers=RECONCILERS, ports=ports, clock=clock), backups


def dumps(database: str) -> list[int]:
    """Processes of pg_dump that read a database."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"pg_dump") and database.encode() in b" ".join(words):
            found.append(int(path.parent.name))
    return found


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + _DEADLINE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


class Scene:
    """A database, its backups, and what the engine makes of them."""

    def __init__(self, server: PostgresServer, home: Path) -> None:
        self.server, self.home, self.clock = server, home, HandClock()
        self.url = server.new_database().url
        self.database = self.url.partition("?")[0].rpartition("/")[2]
        self.folder = home / "backups"
        self.secrets, self.store = home / "secrets", home / "store.db"
        self.begin()

    def begin(self) -> None:
        """A new operator process on the same store: the engine with empty hands."""
        self.engine, self.backups = engine(self.store, self.secrets, self.clock)

    def close(self) -> None:
        """Ends what is under way."""
        self.backups.close()

    def sql(self, *statements: str) -> None:
        """Runs statements in the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def fill(self, rows: int = 2000, table: str = "orders") -> None:
        """Makes a table of rows that do not compress well."""
        self.sql(
            f"CREATE TABLE {table} (id int PRIMARY KEY, note text)",
            f"INSERT INTO {table} SELECT n, md5(n::text) || md5((n * 7)::text)"  # noqa: S608
            f" FROM generate_series(1, {rows}) n",
        )

    def slow(self) -> None:
        """Makes a table that takes a while to dump."""
        self.sql(
            "CREATE TABLE big (id int, note text)",
            "INSERT INTO big SELECT n, (SELECT string_agg(md5((n * m)::text), '')"
            " FROM generate_series(1, 100) m) FROM generate_series(1, 10000) n",
        )

    def declare(self, server: JsonObject | None = None, **spec: Any) -> None:
        """Creates the object."""
        place = {"host": str(self.server.folder), "database": self.database, **(server or {})}
        body = {"server": place, "folder": str(self.folder), "maximumAge": "24h", **spec}
        document = {"apiVersion": API_VERSION, "kind": REF.kind, "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": REF.name}}, actor="test")

    def change(self, **spec: Any) -> None:
        """Changes the spec."""
        self.engine.objects.patch(REF, {"spec": spec}, actor="test")

    def look(self) -> tuple[str, str]:
        """Passes until nothing is under way; the condition Ready then."""
        deadline = time.monotonic() + _DEADLINE
        while True:
            found = self.glance()
            if found[1] != "Progressing":
                return found
            assert time.monotonic() < deadline, self.engine.status(REF)
            time.sleep(0.05)

    def glance(self) -> tuple[str, str]:
        """One pass; the condition Ready after it."""
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    def outcomes(self) -> list[tuple[str, str]]:
        """What was done, by the trail."""
        ended = (one for one in self.engine.trail.records() if one.entry is Entry.SUCCEEDED)
        return [(one.step.runbook, one.outcome) for one in ended]

    def entries(self) -> list[str]:
        """What the trail says of backups, entry by entry."""
        return [str(one.entry) for one in self.engine.trail.records()]

    def names(self) -> list[str]:
        """What lies in the folder, and is not hidden; oldest first."""
        return sorted(path.name for path in self.folder.glob("[!.]*"))

    def take(self, *hours: float) -> list[str]:
        """Takes backups that are so old; their names, oldest first."""
        self.clock.time = datetime.now(UTC)
        for age in sorted(hours, reverse=True):
            self.clock.forward(seconds=2)
            before = set(self.names())
            self.engine.run(self.engine.ask("backup", REF, name=f"take-{len(before)}"))
            self.look()
            (name,) = set(self.names()) - before
            manifest = manifests.read(self.folder / name)
            taken = self.clock.time - timedelta(hours=age)
            server_time = taken + timedelta(seconds=1)
            manifest = replace(manifest, taken_at=taken, finished_at=taken, server_time=server_time)
            manifests.write(self.folder / name, manifest)
        return self.names()

    def dump(self, name: str = "") -> Path:
        """The dump of a backup, by default of the newest one."""
        return next((self.folder / (name or self.names()[-1])).glob("dump*"))

    def message(self) -> str:
        """What the condition Ready says."""
        (found,) = (c for c in self.engine.status(REF)["conditions"] if c["type"] == "Ready")
        return str(found["message"])

    def condition(self, type_: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        return self.engine.condition(REF, type_)
