"""What happens to nodes can be done to them, and undone; the Swarm sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from swarmkeeper.sandbox import Engine, Node, NodeState, Sandbox, SandboxError
from swarmkeeper.sandbox.errors import EngineUnreachableError, NoSuchSandboxError


@pytest.fixture(scope="module")
def three() -> Iterator[Sandbox]:
    if os.geteuid() != 0:
        pytest.skip("a sandbox is made of namespaces and dockerd: run these tests as root")
    with Sandbox.create(f"e2e-faults-{os.getpid()}", nodes=3, managers=1, images=[]) as made:
        yield made


def eventually(true: Callable[[], bool], timeout: float = 20) -> bool:
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def state_of(node: Node) -> NodeState:
    """Read through a function: mypy takes a property for something that stays."""
    return node.state


def seen(sandbox: Sandbox, number: int) -> str:
    """A node's state as the manager sees it."""
    return sandbox.status()[number - 1].swarm


def test_all_nodes_are_well_after_creation(three: Sandbox) -> None:
    status = three.status()

    assert [one.role for one in status] == ["leader", "worker", "worker"]
    assert all(one.well for one in status)


def test_a_node_without_power_is_down_until_it_has_power_again(three: Sandbox) -> None:
    node = three.node(2)
    node.power_off()
    node.power_off()

    assert state_of(node) is NodeState.OFF
    assert eventually(lambda: seen(three, 2) == "down")
    with pytest.raises(EngineUnreachableError):
        node.engine.get("/info")
    with pytest.raises(SandboxError, match="is off"):
        node.freeze()

    node.power_on()
    node.power_on()

    assert state_of(node) is NodeState.RUNNING
    assert eventually(lambda: seen(three, 2) == "ready")


def test_a_frozen_node_does_not_answer_until_it_is_thawed(three: Sandbox) -> None:
    node = three.node(3)
    node.freeze()
    with pytest.raises(EngineUnreachableError, match=r"within 0\.3 s"):
        Engine(node.socket, timeout=0.3).get("/info")

    assert state_of(node) is NodeState.FROZEN
    assert eventually(lambda: seen(three, 3) == "down")

    node.thaw()

    assert state_of(node) is NodeState.RUNNING
    assert eventually(lambda: seen(three, 3) == "ready")


def test_a_partitioned_node_is_down_though_its_engine_answers(three: Sandbox) -> None:
    node = three.node(2)
    node.partition()

    assert state_of(node) is NodeState.PARTITIONED
    assert eventually(lambda: seen(three, 2) == "down")
    assert node.engine.answers()

    node.heal()

    assert state_of(node) is NodeState.RUNNING
    assert eventually(lambda: seen(three, 2) == "ready", timeout=40)


def test_programs_run_in_the_network_of_a_node(three: Sandbox) -> None:
    addresses = three.node(3).run(["/usr/sbin/ip", "-brief", "-4", "address", "show", "eth0"])

    assert f"{three.node(3).address}/24" in addresses


def test_a_node_is_found_by_number_and_name_or_not_at_all(three: Sandbox) -> None:
    assert three.node(2) == three.node("2") == three.node(three.nodes[1].name)
    with pytest.raises(NoSuchSandboxError, match="has no node '4'"):
        three.node("4")
