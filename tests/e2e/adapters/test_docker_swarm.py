"""The Docker adapter keeps the port's contract on a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.swarm_port import SwarmPort

from swarmkeeper.adapters.docker.engine import DockerSwarm


class TestDockerSwarm(SwarmPort):
    @pytest.fixture
    def swarm(self, docker_host: str) -> Iterator[DockerSwarm]:
        made = DockerSwarm(docker_host)
        yield made
        made.close()
