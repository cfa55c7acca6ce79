"""A service in sync, for tests of what is seen of it."""

from __future__ import annotations

from typing import Any

from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.testing import FakeClock, FakeHttp, FakeSwarm, Loop, fake_ports


class World:
    """A service in sync on three nodes, with a clock and URLs."""

    def __init__(self, **declared: Any) -> None:
        self.clock = FakeClock()
        self.http = FakeHttp()
        self.swarm = FakeSwarm(nodes=3, clock=self.clock)
        ports = fake_ports(self.swarm, self.http, self.clock)
        spec = {"image": "app:1", "replicas": 3, **declared}
        self.loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, ports, spec)
        self.loop.run()

    @property
    def converged(self) -> tuple[str, str] | None:
        return self.loop.condition("Converged")

    @property
    def healthy(self) -> tuple[str, str] | None:
        return self.loop.condition("Healthy")
