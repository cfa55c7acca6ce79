"""`swarmkeeper audit-trail`: reads and checks the chain."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from support.cli import swarmkeeper

from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.database import Database


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    database = Database(tmp_path / "state.db")
    trail = AuditTrail(database)
    for name in ("web", "worker"):
        step = Step(
            object=f"SwarmService/{name}",
            uid=name,
            generation=1,
            revision="main@sha1:abc",
            reconcile_id="r1",
            runbook="scale",
            target=f"service/{name}",
            step="key",
            reason="spec.replicas: want 3, got 5",
        )
        trail.finish(trail.intend(step), Entry.SUCCEEDED, step, outcome="wrote version 7")
    database.close()
    return tmp_path


def test_entries_are_listed_oldest_first(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "audit-trail", "list", "--data-dir", str(data_dir))

    assert ran.code == 0
    intended, succeeded, *rest = ran.out.splitlines()
    assert "Intended" in intended
    assert "want 3, got 5" in intended
    assert "wrote version 7" in succeeded
    assert len(rest) == 2


def test_entries_of_one_object_and_the_newest_only(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--object", "SwarmService/worker", "--last", "1", "--output", "json"]
    ran = swarmkeeper(capsys, "audit-trail", "list", "--data-dir", str(data_dir), *arguments)

    (record,) = json.loads(ran.out)
    assert (record["step"]["object"], record["entry"]) == ("SwarmService/worker", "Succeeded")


def test_a_whole_chain_is_confirmed(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = swarmkeeper(capsys, "audit-trail", "verify", "--data-dir", str(data_dir))

    assert (ran.code, ran.out) == (0, "4 entries: the chain is whole\n")


def test_a_changed_entry_is_found(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(data_dir / "state.db") as connection:
        connection.execute("UPDATE audit_trail SET at = 'never' WHERE seq = 3")
    connection.close()

    ran = swarmkeeper(capsys, "audit-trail", "verify", "--data-dir", str(data_dir))

    assert ran.code == 1
    assert "broken at entry 3 of 4 entries" in ran.err


def test_a_folder_without_a_store_is_told_and_stays_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = swarmkeeper(capsys, "audit-trail", "verify", "--data-dir", str(tmp_path))

    assert ran.code == 1
    assert "does not exist" in ran.err
    assert list(tmp_path.iterdir()) == []
