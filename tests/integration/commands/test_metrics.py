"""`/metrics` of a real operator, as Prometheus' own tool judges it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.git import Repository
from support.operator_process import OperatorProcess, eventually

from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import SandboxError

pytestmark = pytest.mark.integration
SERVICE = """
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata: {name: web}
spec: {image: "web:1", replicas: 1}
"""


@pytest.fixture
def promtool() -> str:
    if os.geteuid() != 0:
        pytest.skip("packages are unpacked by root")
    try:
        packages.require_supported_machine()
        folder = packages.fetch("prometheus", print)
    except SandboxError as error:
        pytest.skip(str(error))
    return str(folder / "usr/bin/promtool")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[OperatorProcess]:
    repository = Repository(tmp_path)
    repository.commit(web=SERVICE)
    engine = f"unix://{tmp_path}/nobody-listens.sock"
    process = OperatorProcess(tmp_path / "operator", engine, repository.url).start()
    yield process
    process.stop()


def test_promtool_finds_nothing_to_say(operator: OperatorProcess, promtool: str) -> None:
    eventually(lambda: "last_pass_timestamp_seconds 1" in operator.metrics(), what="a pass")
    eventually(lambda: 'name="web"' in operator.metrics(), what="the series of the object")

    told = subprocess.run(
        [promtool, "check", "metrics"],
        input=operator.metrics(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_an_object_that_can_not_be_read_is_not_said_to_be_ready(operator: OperatorProcess) -> None:
    eventually(lambda: 'kind="SwarmService",name="web"' in operator.metrics(), what="the series")

    lines = [line for line in operator.metrics().splitlines() if "resource_info{" in line]

    web = next(line for line in lines if 'name="web"' in line)
    assert 'ready="Unknown"' in web
    assert 'suspended="false"' in web
    assert 'revision="main@sha1:' in web
    assert any('kind="GitRepository"' in line for line in lines)
