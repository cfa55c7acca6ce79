"""`swarmkeeper run` as a process: what keeps it from starting is told in a sentence."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
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


def start(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "swarmkeeper", "run", "--data-dir", str(data_dir), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr
    assert text in next((line for line in process.stderr if text in line), "")


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    process.communicate(timeout=60)
    return process.returncode


def test_a_second_operator_on_the_same_data_stands_by_until_the_first_ends(tmp_path: Path) -> None:
    first = start(tmp_path)
    try:
        wait_for(first, "operator is up")
        second = start(tmp_path)
        try:
            wait_for(second, "standing by")
            wait_for(second, "operator is up")
            assert end(first) == 0
            wait_for(second, "taking over")
            assert end(second) == 0
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()


def test_an_operator_whose_lock_file_is_of_no_use_ends_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lease").mkdir()

    ran = run(tmp_path, "--port", "0")

    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert ran.stderr.splitlines()[-1].startswith("error: can't ask for the lease: ")


def test_an_operator_that_is_succeeded_ends_and_says_why(tmp_path: Path) -> None:
    operator = start(tmp_path)
    try:
        wait_for(operator, "operator is up")
        succeed(tmp_path)
        _, told = operator.communicate(timeout=60)
    finally:
        operator.kill()
        operator.communicate()

    assert operator.returncode == 1
    assert told.splitlines()[-1] == "error: another operator has taken over"


def test_an_operator_whose_lock_file_vanishes_makes_it_anew(tmp_path: Path) -> None:
    operator = start(tmp_path)
    try:
        wait_for(operator, "operator is up")
        (tmp_path / "lease").unlink()
        deadline = time.monotonic() + 60
        while not (tmp_path / "lease").exists():
            assert time.monotonic() < deadline, "the lock file did not come back"
            time.sleep(0.1)
        assert operator.poll() is None
        operator.send_signal(signal.SIGTERM)
        operator.communicate(timeout=60)
    finally:
        operator.kill()
        operator.communicate()

    assert operator.returncode == 0


def succeed(folder: Path) -> None:
    """Does what a successor does that has taken the operator for silent."""
    (folder / "lease").unlink()
    with closing(sqlite3.connect(folder / "state.db", timeout=30)) as database, database:
        database.execute("UPDATE lease SET token = token + 1")


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
