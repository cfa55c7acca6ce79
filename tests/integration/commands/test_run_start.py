"""`swarmkeeper run` as a process: what keeps it from starting is told in a sentence."""

from __future__ import annotations

import os
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


def test_traces_without_the_packages_for_them(tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['opentelemetry'] = None; from swarmkeeper.cli import main; main()"
    )
    arguments = ["run", "--data-dir", str(tmp_path), "--port", "0", "--traces"]

    ran = subprocess.run(
        [sys.executable, "-c", without, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert "install swarmkeeper[otlp]" in ran.stderr.splitlines()[-1]


def test_a_variable_for_traces_that_can_not_be_followed(tmp_path: Path) -> None:
    env = {**os.environ, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    ran = run(tmp_path, "--port", "0", "--traces", env=env)

    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert ran.stderr.splitlines()[-1].startswith("error: OTEL_EXPORTER_OTLP_PROTOCOL: ")
