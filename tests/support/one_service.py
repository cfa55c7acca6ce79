"""A Swarm with one service, Traefik's."""

from __future__ import annotations

from desired_state.objects import JsonObject
from swarmkeeper.testing import FakeSwarm


class OneService(FakeSwarm):
    """It has to be created; then it is easily asked for."""

    @property
    def spec(self) -> JsonObject:
        """Of the service."""
        found = self.service("traefik")
        assert found is not None
        return found.spec

    @property
    def replicas(self) -> int:
        """Of the service."""
        return int(self.spec["Mode"]["Replicated"]["Replicas"])
