"""`swarmkeeper run` as a process: what keeps it from starting is told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def run(
    data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swarmkeeper", "run", "--data-dir", str(data_dir), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    ran = run(tmp_path, "--host", "192.0.2.1", "--port", "0")

    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in ran.stderr


def test_a_store_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("this is no database")

    ran = run(tmp_path, "--port", "0")

    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert ran.stderr.splitlines()[-1].startswith("error: can't open database")


def test_openssl_is_missing(tmp_path: Path) -> None:
    ran = run(tmp_path, "--port", "0", env={"PATH": str(tmp_path)})

    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert "openssl" in ran.stderr.splitlines()[-1]


def test_a_second_operator_on_the_same_data(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "swarmkeeper", "run", "--data-dir", str(tmp_path), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with first:
        assert first.stderr
        assert "operator is up" in next(line for line in first.stderr if "operator is up" in line)
        second = run(tmp_path, "--port", "0")
        first.terminate()

    assert first.returncode == 0
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith("error: another operator runs on ")
