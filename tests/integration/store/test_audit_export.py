"""An export can be checked by others, with the rule in the documentation and nothing of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from swarmkeeper.store import audit_reads
from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.audit_chain import check, read_line
from swarmkeeper.store.audit_reads import AuditReader, Query
from swarmkeeper.store.sql import SqlDatabase

pytestmark = pytest.mark.integration
PAGE = Path(__file__).resolve().parents[3] / "docs/reference/audit-trail.md"


def step(name: str) -> Step:
    return Step(
        object=f"SwarmService/{name}",
        uid=name,
        generation=1,
        revision="main@sha1:abc",
        reconcile_id="r1",
        runbook="update",
        target=f"service/{name}",
        step="k1",
        reason='a "document": line\nwith ünïcode, \u2028 and more',
        before={"b": 1e16, "a": [None, True, -0.0, 2**53]},
        after={',"document":': {"z": "\x00\x1f", "y": "\U0001f433"}},
    )


def filled(database: SqlDatabase) -> AuditReader:
    times = iter(datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(60))
    trail = AuditTrail(database, now=lambda: next(times))
    for name in ("web", "worker", "web"):
        trail.finish(trail.intend(step(name)), Entry.SUCCEEDED, step(name), outcome="done")
    return AuditReader(database)


def test_the_program_in_the_documentation_checks_an_export(
    database: SqlDatabase, tmp_path: Path
) -> None:
    reader = filled(database)
    lines = [link.line() for link in reader.find(Query())]
    program = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    whole, changed = tmp_path / "whole", tmp_path / "changed"
    whole.write_bytes(b"".join(lines))
    changed.write_bytes(b"".join([*lines[:3], lines[3].replace(b"done", b"gone"), *lines[4:]]))

    def ran(file: Path) -> str:
        command = [sys.executable, "-W", "ignore", "-c", program, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout + done.stderr

    assert ran(whole) == f"the chain is whole; the newest hash is {reader.newest()[1]}\n"
    assert "entry 4 was changed" in ran(changed)


def test_a_line_gives_the_same_entry_again(database: SqlDatabase) -> None:
    links = list(filled(database).find(Query()))

    assert [read_line(link.line()) for link in links] == links
    assert check(links).complete


def test_a_long_trail_is_read_in_parts_both_ways(
    database: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reads, "PAGE", 2)
    reader = filled(database)
    of_web = Query(object="SwarmService/web")

    assert [link.seq for link in reader.find(of_web)] == [1, 2, 5, 6]
    assert [link.seq for link in reader.newest_first(of_web)] == [6, 5, 2, 1]
    assert [link.seq for link in reader.find(Query(), after=4)] == [5, 6]
    assert [link.seq for link in reader.part(Query(), 1, 3)] == [2, 3, 4]


def test_entries_of_a_span_of_time(database: SqlDatabase) -> None:
    reader = filled(database)

    def minute(number: int) -> datetime:
        return datetime(2026, 1, 1, 12, number, tzinfo=UTC)

    found = reader.find(Query(since=minute(1), until=minute(3)))
    assert [link.seq for link in found] == [2, 3]
