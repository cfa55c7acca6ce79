"""Events of a real engine: what moved is told, and after every interruption that there was a gap."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from contract.swarm_port import labelled, spec_of
from e2e.adapters.listener import GAP, listening

from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.swarm import SwarmUnavailable
from swarmkeeper.sandbox import Sandbox


@pytest.fixture(scope="module")
def fragile() -> Iterator[Sandbox]:
    """A Swarm of one node that may be broken."""
    with Sandbox.create(f"e2e-events-{time.monotonic_ns() % 10**6}", images=[]) as made:
        yield made


def test_a_created_changed_and_removed_service_is_told_by_its_name(docker_host: str) -> None:
    swarm = DockerSwarm(docker_host)
    with listening(docker_host) as listener:
        id_ = swarm.create(spec_of("told"))
        assert listener.wait_for("service/told") < 1.0
        swarm.update("told", labelled("a", "1"))
        assert listener.wait_for("service/told") < 1.0
        swarm.remove(id_)
        assert listener.wait_for("service/told") < 1.0
    swarm.close()


def test_a_change_of_a_node_is_told(sandbox: Sandbox) -> None:
    engine = sandbox.nodes[0].engine
    (node,) = engine.get("/nodes")
    labels = {"told": "yes"}
    with listening(sandbox.docker_host) as listener:
        version = node["Version"]["Index"]
        engine.post(
            f"/nodes/{node['ID']}/update?version={version}", node["Spec"] | {"Labels": labels}
        )
        listener.wait_for("node")
    version = engine.get(f"/nodes/{node['ID']}")["Version"]["Index"]
    engine.post(f"/nodes/{node['ID']}/update?version={version}", node["Spec"])


def test_a_frozen_daemon_is_noticed_and_its_return_is_a_gap(fragile: Sandbox) -> None:
    swarm = DockerSwarm(fragile.docker_host, timeout=0.5)
    with listening(fragile.docker_host, quiet=0.5) as listener:
        fragile.nodes[0].freeze()
        try:
            with pytest.raises(SwarmUnavailable, match="did not answer within"):
                swarm.service("web")
            time.sleep(2)  # longer than the listener needs to notice
        finally:
            fragile.nodes[0].thaw()

        listener.wait_for(GAP)
    swarm.close()


def test_a_daemon_that_died_and_came_back_is_a_gap(fragile: Sandbox) -> None:
    swarm = DockerSwarm(fragile.docker_host, timeout=5)
    assert swarm.service("web") is None
    with listening(fragile.docker_host) as listener:
        fragile.nodes[0].power_off()
        with pytest.raises(SwarmUnavailable):
            swarm.service("web")
        fragile.nodes[0].power_on()

        listener.wait_for(GAP)

    swarm.close()


def test_a_node_that_is_no_manager_knows_nothing(fragile: Sandbox) -> None:
    swarm = DockerSwarm(fragile.docker_host)
    fragile.nodes[0].engine.post("/swarm/leave?force=true")

    with pytest.raises(SwarmUnavailable, match="not a swarm manager"):
        swarm.service("web")

    swarm.close()
