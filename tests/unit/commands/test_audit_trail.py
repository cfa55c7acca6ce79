"""`swarmkeeper audit-trail`: reads and checks the chain."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support.cli import swarmkeeper

from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.database import Database

Edit = Callable[[list[bytes]], list[bytes]]


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

    assert ran.code == 0
    assert ran.out.startswith("4 entries: the chain is whole; the newest is 4:")


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


def run(
    capsys: pytest.CaptureFixture[str], data_dir: Path, *words: str, code: int = 0
) -> tuple[str, str]:
    command, *arguments = words
    ran = swarmkeeper(capsys, "audit-trail", command, "--data-dir", str(data_dir), *arguments)
    assert ran.code == code, ran.err
    return ran.out, ran.err


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--entry", "Succeeded"], [2, 4]),
        (["--object", "SwarmService/web"], [1, 2]),
        (["--object", "Endpoint/web"], []),
        (["--runbook", "scale"], [1, 2, 3, 4]),
        (["--runbook", "update"], []),
        (["--since", "1h"], [1, 2, 3, 4]),
        (["--since", "2999-01-01T00:00:00Z"], []),
        (["--until", "2020-01-01"], []),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_entries_are_filtered(
    data_dir: Path, capsys: pytest.CaptureFixture[str], filters: list[str], expected: list[int]
) -> None:
    out, _ = run(capsys, data_dir, "list", "-o", "json", *filters)

    assert [record["seq"] for record in json.loads(out)] == expected


def test_a_time_that_is_none_is_told(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, data_dir, "list", "--since", "yesterday", code=1)

    assert "'yesterday' is neither a time" in err


def test_an_action_is_shown_whole_by_its_id_or_by_an_entry(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_entry, _ = run(capsys, data_dir, "show", "2", "-o", "yaml")
    document = yaml.safe_load(by_entry)
    by_action, _ = run(capsys, data_dir, "show", document["action"], "-o", "json")
    text, _ = run(capsys, data_dir, "show", document["action"])

    assert json.loads(by_action) == document
    assert (document["object"], document["state"]) == ("SwarmService/web", "Succeeded")
    assert [entry["entry"] for entry in document["entries"]] == ["Intended", "Succeeded"]
    assert document["entries"][1]["previous"] == document["entries"][0]["hash"]
    assert "spec.replicas: want 3, got 5" in text
    assert document["entries"][1]["hash"] in text


def test_an_action_that_is_not_there_is_told(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = run(capsys, data_dir, "show", "99", code=1)

    assert "no action or entry 99" in err


@pytest.fixture
def exported(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    run(capsys, data_dir, "export", str(data_dir / "export.jsonl"))
    return data_dir / "export.jsonl"


def check(capsys: pytest.CaptureFixture[str], file: Path, code: int, *words: str) -> str:
    ran = swarmkeeper(capsys, "audit-trail", "verify", "--file", str(file), *words)
    assert ran.code == code, ran.err
    return ran.out + ran.err


def test_an_export_is_checked_without_the_store(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in exported.read_bytes().splitlines()]

    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert lines[3]["document"]["outcome"] == "wrote version 7"
    told = check(capsys, exported, 0)
    assert told == f"4 entries: the chain is whole; the newest is 4:{lines[3]['hash']}\n"


def test_an_export_that_another_program_has_formatted_is_checked_as_well(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in exported.read_bytes().splitlines()]
    exported.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))

    assert "the chain is whole" in check(capsys, exported, 0)


@pytest.mark.parametrize(
    ("edit", "code", "told"),
    [
        (
            lambda lines: [*lines[:2], lines[2].replace(b"want 3", b"want 4"), lines[3]],
            1,
            "entry 3",
        ),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 1, "entry 2"),
        (lambda lines: [lines[0].replace(b'"seq":1', b'"seq":2'), *lines[1:]], 1, "entry 2"),
        (lambda lines: [lines[0], *lines[2:]], 0, "3 entries between 1 and 4"),
        (lambda lines: lines[1:], 0, "3 entries between 2 and 4"),
        (lambda lines: [*lines, b"[1]\n"], 1, "line 5 can't be read"),
        (lambda _: [], 0, "nothing to check"),
    ],
    ids=["changed", "swapped", "renumbered", "with a gap", "cut", "damaged", "empty"],
)
def test_what_was_done_to_an_export_is_found(
    exported: Path, capsys: pytest.CaptureFixture[str], edit: Edit, code: int, told: str
) -> None:
    exported.write_bytes(b"".join(edit(exported.read_bytes().splitlines(keepends=True))))

    assert told in check(capsys, exported, code)


def test_an_export_of_one_object_to_standard_output(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = run(capsys, data_dir, "export", "--object", "SwarmService/worker")

    assert [json.loads(line)["seq"] for line in out.splitlines()] == [3, 4]


def test_a_chain_that_was_written_anew_lacks_the_entry_that_was_noted(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = json.loads(exported.read_bytes().splitlines()[-1])["hash"]

    assert "whole" in check(capsys, exported, 0, "--noted", f"4:{newest}")
    assert "written anew" in check(capsys, exported, 1, "--noted", f"4:{newest[::-1]}")
    assert "is not NUMBER:HASH" in check(capsys, exported, 1, "--noted", "four")


def test_a_row_that_hides_behind_another_name_is_found(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(data_dir / "state.db") as connection:
        connection.execute("UPDATE audit_trail SET name = 'other' WHERE seq = 2")
    connection.close()

    _, err = run(capsys, data_dir, "verify", code=1)
    assert "broken at entry 2 of 4 entries" in err


def test_entries_of_an_older_version_are_found_by_name(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(data_dir / "state.db") as connection:
        connection.execute("UPDATE audit_trail SET name = ''")
    connection.close()

    out, _ = run(capsys, data_dir, "list", "-o", "json", "--object", "SwarmService/web")
    assert [record["seq"] for record in json.loads(out)] == [1, 2]
