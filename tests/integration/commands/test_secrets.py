"""Secrets that a whole operator is told in every way get out of it in none."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support import leaking_operator
from support.git import Repository
from support.leaking_operator import IN_ENV, IN_FILE, IN_HEADER, IN_PAIR, IN_URL
from support.operator_process import OperatorProcess, eventually
from support.otlp import Receiver, receiver

pytestmark = pytest.mark.integration
NAMES = ("unexpected", "unavailable", "refused", "broken", "fine")
SECRETS = (IN_URL, IN_ENV, json.dumps(IN_ENV)[1:-1], IN_PAIR, IN_HEADER, IN_FILE)


def declared(name: str) -> str:
    env = {"DATABASE_URL": f"postgres://app:{IN_URL}@db/x", "API_TOKEN": IN_ENV}
    return (
        f"apiVersion: swarmkeeper.dev/v1alpha1\nkind: SwarmService\nmetadata: {{name: {name}}}\n"
        f'spec: {{image: "web:1", replicas: 1, interval: 1h, env: {json.dumps(env)}}}\n'
    )


def told(operator: OperatorProcess, collector: Receiver) -> dict[str, str]:
    """Everything that the operator has said, to anyone, except for the specs themselves."""
    objects = [operator.service(name) for name in NAMES]
    parts = [[found["status"], found["metadata"]["annotations"]] for found in objects]
    events = operator.get("/api/v1/namespaces/default/events")
    records = operator.get("/apis/swarmkeeper.dev/v1alpha1/auditrecords")
    database = sqlite3.connect(f"file:{operator.data / 'state.db'}?mode=ro", uri=True)
    trail = [bytes(row[0]) for row in database.execute("SELECT document FROM audit_trail")]
    database.close()
    return {
        "log": operator.log.read_text(),
        "status": json.dumps(parts, ensure_ascii=False),
        "events": json.dumps(events, ensure_ascii=False),
        "trail": b"\n".join(trail).decode(),
        "trail over the API": json.dumps(records, ensure_ascii=False),
        "metrics": operator.metrics(),
        "traces": b"\n".join(collector.raw).decode(errors="replace"),
    }


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_secret_gets_into_no_log_event_status_trail_metric_or_trace(
    tmp_path: Path, form: str
) -> None:
    repository = Repository(tmp_path)
    repository.commit(fine=declared("fine"))
    (tmp_path / "token").write_text("what-it-held-at-the-start\n")
    with receiver() as collector:
        operator = OperatorProcess(
            tmp_path / "operator",
            f"unix://{tmp_path}/nobody.sock",
            repository.url,
            options=["--log-format", form, "--traces", "--git-token-file", f"{tmp_path}/token"],
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"},
            program=[str(Path(leaking_operator.__file__))],
        ).start()
        try:
            (tmp_path / "token").write_text(IN_FILE + "\n")  # renewed while it runs
            repository.commit(**{name: declared(name) for name in NAMES if name != "fine"})
            operator.push()
            eventually(lambda: all(operator.condition(name, "Ready")[1] for name in NAMES))
            eventually(lambda: any(span.name == "act" for span in collector.spans))
            eventually(lambda: "pass failed" in operator.log.read_text())
            said = told(operator, collector)
        finally:
            operator.stop()
        said["log"] = operator.log.read_text()

    found = {place for place, text in said.items() for secret in SECRETS if secret in text}
    assert found == set()
    for place in ("log", "status", "events", "trail", "trail over the API"):
        assert "postgres://app:***@db/x" in said[place], place
    assert "RuntimeError" in said["traces"]


@pytest.mark.parametrize(
    "options",
    [
        ("--git", "https://user:planted-in-url@git.example.org/x.git"),
        ("--store", "postgresql://user:planted-in-url@db.example.org/x"),
    ],
    ids=["git", "store"],
)
def test_a_password_in_a_setting_is_refused_and_not_repeated(
    tmp_path: Path, options: tuple[str, str]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "swarmkeeper", "run", "--data-dir", str(tmp_path), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode != 0
    assert "password" in ran.stderr
    assert IN_URL not in ran.stdout + ran.stderr
