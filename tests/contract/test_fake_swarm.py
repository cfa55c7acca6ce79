"""The fake swarm keeps the port's contract."""

from __future__ import annotations

import pytest
from contract.swarm_port import SwarmPort, spec_of

from swarmkeeper.runtime.swarm import SwarmUnavailable
from swarmkeeper.testing import FakeSwarm


class TestFakeSwarm(SwarmPort):
    @pytest.fixture
    def swarm(self) -> FakeSwarm:
        fake = FakeSwarm(nodes=2)
        fake.break_image("swarmkeeper/none:1")
        return fake

    def test_an_unavailable_engine_answers_nothing(self, swarm: FakeSwarm) -> None:
        swarm.available = False

        for call in (swarm.nodes, lambda: swarm.service("web"), lambda: swarm.tasks("x")):
            with pytest.raises(SwarmUnavailable):
                call()
        swarm.available = True

    def test_every_change_is_told(self) -> None:
        told: list[set[str]] = []
        swarm = FakeSwarm(on_event=told.append)

        id_ = swarm.create(spec_of("web"))
        swarm.edit("web", lambda spec: spec["Labels"].update(a="1"))
        swarm.set_node(1, ready=False)
        swarm.remove(id_)

        assert told == [{"service/web"}, {"service/web"}, {"node"}, {"service/web"}]

    def test_a_dead_node_keeps_telling_that_its_tasks_run(self) -> None:
        swarm = FakeSwarm(nodes=2)
        id_ = swarm.create(spec_of("web", replicas=2))

        swarm.set_node(2, ready=False)

        lies = [
            t for t in swarm.tasks(id_) if t.state == "running" and t.desired_state != "running"
        ]
        assert len(lies) == 1
