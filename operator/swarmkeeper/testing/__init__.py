"""Typed fakes of the ports, and builders: product code, used by the tests of every kind."""

from swarmkeeper.testing.builders import service_spec, target_of
from swarmkeeper.testing.clock import FakeClock
from swarmkeeper.testing.http import FakeHttp
from swarmkeeper.testing.loop import Loop
from swarmkeeper.testing.ports import fake_ports
from swarmkeeper.testing.swarm import FakeSwarm

__all__ = ["FakeClock", "FakeHttp", "FakeSwarm", "Loop", "fake_ports", "service_spec", "target_of"]
