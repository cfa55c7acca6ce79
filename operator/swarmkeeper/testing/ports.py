"""All ports at once, faked."""

from __future__ import annotations

from swarmkeeper.runtime.ports import Ports
from swarmkeeper.testing.clock import FakeClock
from swarmkeeper.testing.http import FakeHttp
from swarmkeeper.testing.swarm import FakeSwarm


def fake_ports(
    swarm: FakeSwarm | None = None, http: FakeHttp | None = None, clock: FakeClock | None = None
) -> Ports:
    """Ports onto fakes; what is not given is made anew."""
    clock = clock or FakeClock()
    return Ports(swarm=swarm or FakeSwarm(clock=clock), http=http or FakeHttp(), clock=clock)
