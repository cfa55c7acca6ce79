"""The kind on a real Swarm: what the fake can only claim."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from contract.swarm_port import eventually, labelled, read, replicated, running, spec_of

from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Verification
from swarmkeeper.sandbox import Sandbox
from swarmkeeper.testing import Loop

APP: dict[str, Any] = {
    "image": "swarmkeeper/app:1",
    "replicas": 2,
    "stopGracePeriod": "1s",
    "update": {"parallelism": 0, "failureAction": "rollback", "monitor": "1s"},
    "rollback": {"parallelism": 0, "monitor": "1s"},
}
_numbers = count(1)


@pytest.fixture
def ports(docker_host: str) -> Iterator[Ports]:
    swarm = DockerSwarm(docker_host)
    yield Ports(swarm, UrlProbe(), SystemClock())
    swarm.close()


@pytest.fixture
def name(ports: Ports) -> Iterator[str]:
    """A name that no other test uses; a service of it is taken away."""
    name = f"kind-{next(_numbers)}"
    yield name
    left = ports.swarm.service(name)
    if left is not None:
        ports.swarm.remove(left.id)


def settle(loop: Loop[SwarmServiceSpec], *, within: float = 30.0) -> Verification:
    """Passes until nothing is coming any more, as often as the engine would make them."""
    deadline = time.monotonic() + within
    while (verification := loop.run()).progress:
        assert time.monotonic() < deadline, verification.message
        time.sleep(0.1)
    return verification


def loop_on(ports: Ports, name: str, declared: dict[str, Any]) -> Loop[SwarmServiceSpec]:
    return Loop(RECONCILER, ports, declared, name=name)


def tasks(ports: Ports, name: str) -> set[str]:
    return {task.id for task in running(ports.swarm, read(ports.swarm, name).id)}


def test_a_service_is_created_and_stays_in_sync(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)

    verification = settle(loop)

    assert verification.message == "2/2 running"
    assert loop.plan().in_sync
    assert loop.condition("Converged") == ("True", "Converged")
    assert loop.condition("Healthy") == ("True", "TasksRunning")


def test_every_field_survives_the_engine(sandbox: Sandbox, ports: Ports, name: str) -> None:
    engine = sandbox.nodes[0].engine
    engine.post("/networks/create", {"Name": f"{name}-net", "Driver": "overlay"})
    for what in ("secrets", "configs"):
        engine.post(f"/{what}/create", {"Name": f"{name}-{what}", "Data": "eA=="})
    declared = APP | {
        "replicas": 0,
        "command": ["/usr/bin/tini", "--"],
        "args": ["app"],
        "env": {"B": "2", "A": "1", "GONE": None},
        "labels": {"tier": "web"},
        "containerLabels": {"tier": "web"},
        "networks": [{"name": f"{name}-net", "aliases": ["web"]}],
        "ports": [
            {"target": 8080, "published": 18080, "mode": "host"},
            {"target": 53, "protocol": "udp"},
        ],
        "mounts": [{"target": "/data", "source": "data"}, {"target": "/scratch", "type": "tmpfs"}],
        "secrets": [{"name": f"{name}-secrets", "target": "pw", "mode": 0o400}],
        "configs": [{"name": f"{name}-configs"}],
        "init": True,
        "user": "1000",
        "healthCheck": {
            "command": "true",
            "interval": "2s",
            "timeout": "1s",
            "retries": 2,
            "startPeriod": "1s",
        },
        "update": {
            "parallelism": 2,
            "delay": "1s",
            "order": "start-first",
            "failureAction": "continue",
            "monitor": "7s",
            "maxFailureRatio": 0.1,
        },
        "rollback": {
            "parallelism": 1,
            "delay": "2s",
            "order": "stop-first",
            "failureAction": "continue",
            "monitor": "0s",
            "maxFailureRatio": 0.3,
        },
        "restartPolicy": {
            "condition": "on-failure",
            "delay": "2s",
            "maxAttempts": 4,
            "window": "1m",
        },
        "resources": {
            "limits": {"cpus": "500m", "memory": "64Mi"},
            "reservations": {"cpus": 0.1, "memory": "32M"},
        },
        "placement": {
            "constraints": ["node.role == manager", "node.platform.os==linux"],
            "maxReplicasPerNode": 3,
        },
    }
    loop = loop_on(ports, name, declared)

    settle(loop)

    assert [str(diff) for diff in loop.plan().drift] == []
    assert loop.plan().in_sync


def test_an_adopted_service_keeps_its_tasks_and_all_that_is_not_declared(
    ports: Ports, name: str
) -> None:
    ports.swarm.create(spec_of(name, replicas=2))
    eventually(lambda: len(tasks(ports, name)) == 2)
    before, kept = read(ports.swarm, name).spec, tasks(ports, name)
    loop = loop_on(ports, name, {"adopt": True, "replicas": 2, "labels": {"tier": "web"}})

    settle(loop)

    after = read(ports.swarm, name).spec
    assert {**after, "Labels": {}} == {**before, "Labels": {}}
    assert tasks(ports, name) == kept


def test_replicas_that_drift_are_put_back_and_the_others_keep_running(
    ports: Ports, name: str
) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    kept = tasks(ports, name)
    ports.swarm.update(name, replicated(4))

    assert [action.runbook for action in loop.plan().actions] == ["scale"]
    assert settle(loop).message == "2/2 running"

    assert tasks(ports, name) == kept


def test_wiped_labels_come_back_without_a_restart(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    kept = tasks(ports, name)
    ports.swarm.update(name, lambda fresh: {**fresh.spec, "Labels": {}})

    settle(loop)

    assert read(ports.swarm, name).spec["Labels"]["swarmkeeper.dev/object"]
    assert tasks(ports, name) == kept


def test_a_changed_image_is_rolled_out_and_seen_to_run(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    old = tasks(ports, name)
    loop.declare(APP | {"image": "swarmkeeper/app:2"})

    first = loop.run()
    last = settle(loop)

    assert first.progress
    assert last.message == "2/2 running"
    assert not old & tasks(ports, name)


def test_a_rolled_back_release_is_a_failure_and_is_left_alone(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    loop.declare(APP | {"image": "swarmkeeper/none:1"})

    verification = settle(loop)

    assert verification.failure is not None
    assert verification.failure[0] == "RolledBack"
    ports.swarm.update(name, labelled("by", "hand"))  # takes UpdateStatus away
    loop.run()
    assert loop.condition("Converged") == ("False", "RolledBack")
    assert read(ports.swarm, name).spec["TaskTemplate"]["ContainerSpec"]["Image"] == APP["image"]

    loop.declare(APP | {"image": "swarmkeeper/app:3"})
    assert settle(loop).message == "2/2 running"


def test_a_paused_update_is_a_failure_until_it_is_fixed(ports: Ports, name: str) -> None:
    pauses = APP | {"update": {"parallelism": 0, "failureAction": "pause", "monitor": "1s"}}
    loop = loop_on(ports, name, pauses)
    settle(loop)
    loop.declare(pauses | {"command": ["false"]})

    verification = settle(loop)
    assert verification.failure is not None
    assert verification.failure[0] == "UpdatePaused"

    loop.declare(pauses | {"command": ["/usr/bin/tini", "--"], "args": ["app"]})
    assert settle(loop).message == "2/2 running"


def test_a_service_deleted_by_hand_comes_back_whole(ports: Ports, name: str) -> None:
    spec = spec_of(name)
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["KEPT=1"]
    ports.swarm.create(spec)
    loop = loop_on(ports, name, {"adopt": True, "replicas": 1})
    settle(loop)
    ports.swarm.remove(read(ports.swarm, name).id)

    settle(loop)

    container = read(ports.swarm, name).spec["TaskTemplate"]["ContainerSpec"]
    assert container["Env"] == ["KEPT=1"]


def test_a_restart_replaces_every_task_once(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    old = tasks(ports, name)

    loop.ask("restart", run="r1")
    loop.ask("restart", run="r1")
    settle(loop)

    assert not old & tasks(ports, name)
    assert read(ports.swarm, name).spec["TaskTemplate"]["ForceUpdate"] == 1


def test_a_rollback_by_runbook_goes_back(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)
    loop.declare(APP | {"image": "swarmkeeper/app:2"})
    settle(loop)

    loop.ask("rollback-service")
    settle(loop)

    container = read(ports.swarm, name).spec["TaskTemplate"]["ContainerSpec"]
    assert container["Image"] == "swarmkeeper/app:1"
    assert loop.condition("Converged") == ("False", "RolledBack")


def test_health_is_asked_at_the_node(sandbox: Sandbox, ports: Ports, name: str) -> None:
    declared = APP | {
        "replicas": 1,
        "endpointMode": "dnsrr",
        "ports": [{"target": 8080, "published": 18081, "mode": "host"}],
        "health": {"url": "http://{nodeAddress}:18081/health", "failureThreshold": 2},
    }
    loop = loop_on(ports, name, declared)

    settle(loop)

    assert loop.condition("Healthy") == ("True", "HealthCheckPassed")


def test_deleting_the_object_removes_what_it_created(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP)
    settle(loop)

    loop.delete()

    assert ports.swarm.service(name) is None
    assert loop.delete().in_sync


def test_an_image_that_does_not_exist_is_named(ports: Ports, name: str) -> None:
    loop = loop_on(ports, name, APP | {"image": "swarmkeeper/none:1"})

    eventually(lambda: (loop.run().failure or ("", ""))[0] == "ImageUnavailable")

    assert loop.condition("Healthy") == ("False", "NoRunningTasks")
