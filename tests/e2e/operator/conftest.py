"""A git repository, operator processes and an engine client, for each test its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.git import Repository
from support.operator_process import OperatorProcess
from support.pair import Pair
from support.postgres import PostgresServer, missing, postgres_server
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


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A Postgres for all tests of this worker."""
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


@pytest.fixture
def pair(docker_host: str, server: PostgresServer, tmp_path: Path) -> Iterator[Pair]:
    """Two operators on one Postgres; their services go at the end."""
    store = server.new_database()
    with Pair.on(docker_host, tmp_path, store, (store.url, store.url)) as pair:
        yield pair
