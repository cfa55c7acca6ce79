"""A git repository, an operator process and an engine client, for each test its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.git import Repository
from support.operator_process import OperatorProcess
from support.stage import Stage

from swarmkeeper.adapters.docker.engine import DockerSwarm


@pytest.fixture
def stage(docker_host: str, tmp_path: Path) -> Iterator[Stage]:
    """An operator on the shared Swarm; its services go at the end."""
    repository = Repository(tmp_path)
    operator = OperatorProcess(tmp_path / "operator", docker_host, repository.url)
    stage = Stage(repository, operator, DockerSwarm(docker_host), f"t{uuid.uuid4().hex[:6]}")
    yield stage
    operator.kill()
    stage.clean_up()
