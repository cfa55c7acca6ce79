"""A damaged database is brought back by a whole operator and the commands that people type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.backups import Scene
from support.git import Repository
from support.operator_process import GROUP_PATH, OperatorProcess, eventually
from support.restores import databases, rows

pytestmark = pytest.mark.integration
TARGET = "PostgresBackup/orders"
DECLARED = """
apiVersion: swarmkeeper.dev/v1alpha1
kind: PostgresBackup
metadata: {{name: orders}}
spec:
  server: {{host: {host}, database: {database}}}
  folder: {folder}
  maximumAge: 24h
  restore: {{drain: 0s, reconnect: 0s}}
"""


class Whole:
    """An operator, and a shell beside it."""

    def __init__(self, operator: OperatorProcess) -> None:
        self._operator = operator

    def swarmkeeper(self, *words: str) -> str:
        """Runs a command to its good end, and gives what it printed."""
        with self._begun(*words) as process:
            return self._finished(process)

    def run(self, runbook: str, *words: str) -> str:
        """Asks for a runbook, approves it from another shell, and gives what the first one told."""
        before = {run["metadata"]["name"] for run in self._runs()}
        with self._begun("runbook", "run", runbook, TARGET, *words) as process:

            def waiting() -> list[str]:
                new = (run for run in self._runs() if run["metadata"]["name"] not in before)
                found = (run for run in new if run.get("status", {}).get("pendingApproval"))
                return [run["metadata"]["name"] for run in found]

            eventually(lambda: bool(waiting()), 60, f"{runbook} waits for approval")
            self.swarmkeeper("approve", f"RunbookRun/{waiting()[0]}")
            return self._finished(process)

    def status(self) -> dict[str, Any]:
        """Of the object."""
        found = self._operator.get(f"{GROUP_PATH}/postgresbackups/orders") or {}
        return dict(found.get("status", {}))

    def _runs(self) -> list[dict[str, Any]]:
        return list(self._operator.get(f"{GROUP_PATH}/runbookruns")["items"])

    def _begun(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "swarmkeeper", *words],
            env={**os.environ, "KUBECONFIG": str(self._operator.kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _finished(self, process: subprocess.Popen[str]) -> str:
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
        return told


@pytest.fixture
def whole(scene: Scene, tmp_path: Path) -> Iterator[Whole]:
    scene.fill(1000)
    repository = Repository(tmp_path)
    where = {"host": scene.server.folder, "database": scene.database, "folder": scene.folder}
    repository.commit(orders=DECLARED.format(**where))
    engine = f"unix://{tmp_path}/nobody-listens.sock"
    operator = OperatorProcess(tmp_path / "operator", engine, repository.url).start()
    whole = Whole(operator)
    eventually(lambda: whole.status().get("verifiedBackups") == 1, 60, "a backup that counts")
    yield whole
    operator.stop()


def test_the_rows_of_the_manifest_come_back_and_the_way_back_works(
    scene: Scene, whole: Whole
) -> None:
    backup = whole.status()["lastSuccessfulBackup"]["name"]
    manifest = json.loads((scene.folder / backup / "manifest.json").read_text())
    scene.sql("DELETE FROM orders WHERE id > 10")

    told = whole.run("restore", "--param", f"backup={backup}")

    assert "Succeeded" in told
    assert {"public.orders": rows(scene)} == manifest["rows"]
    former = next(name for name in databases(scene) if "_before_" in name)
    assert former in told  # by which it is found again

    told = whole.run("swap-back", "--param", f"former={former}")

    assert "Succeeded" in told
    assert rows(scene) == 10
    assert not any("_before_" in name for name in databases(scene))
