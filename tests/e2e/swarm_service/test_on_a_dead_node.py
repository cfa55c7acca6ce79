"""A node dies: its tasks go on claiming that they run, and are not believed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract.swarm_port import eventually, read
from e2e.conftest import MakeSandbox

from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.testing import Loop

APP: dict[str, Any] = {"image": "swarmkeeper/app:1", "replicas": 4, "stopGracePeriod": "1s"}


def test_tasks_of_a_dead_node_do_not_count_until_they_run_elsewhere(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = make_sandbox(nodes=2, managers=1, images=["swarmkeeper/app:1"])
    swarm = DockerSwarm(sandbox.docker_host)
    ports = Ports(swarm, UrlProbe(), SystemClock())
    loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, ports, APP)
    eventually(lambda: loop.run().message == "4/4 running")

    sandbox.nodes[1].power_off()
    eventually(lambda: any(not node.ready for node in swarm.nodes()), within=40)
    eventually(lambda: loop.run().message == "4/4 running", within=40)

    dead = next(node.id for node in swarm.nodes() if not node.ready)
    tasks = swarm.tasks(read(swarm, "web").id)
    lies = [task for task in tasks if task.node_id == dead and task.state == "running"]
    assert lies
    assert {task.desired_state for task in lies} == {"shutdown"}
    assert loop.status["replicas"] == {"desired": 4, "running": 4}
    swarm.close()


def test_many_threads_may_ask_at_once(docker_host: str) -> None:
    swarm = DockerSwarm(docker_host)

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(lambda _: swarm.nodes(), range(80)))

    assert len(set(answers)) == 1
    swarm.close()
