"""How a sandbox is: each node as its machine is, and as the Swarm sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from swarmkeeper.sandbox.engine import Engine
from swarmkeeper.sandbox.errors import EngineError
from swarmkeeper.sandbox.node import Node, NodeState


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node.

    Attributes:
        node: The node.
        state: What state its machine is in.
        role: `leader`, `manager` or `worker`, as the Swarm sees it; `unknown` if none could say.
        swarm: `ready`, `down` or such, as the Swarm sees it; `unknown` if none could say.
    """

    node: Node
    state: NodeState
    role: str = "unknown"
    swarm: str = "unknown"

    @property
    def well(self) -> bool:
        """Whether nothing is the matter with it."""
        return self.state is NodeState.RUNNING and self.swarm == "ready"


def of(nodes: Iterable[Node]) -> tuple[NodeStatus, ...]:
    """The status of these nodes, from the first of them that knows of the Swarm."""
    found = [NodeStatus(node, node.state) for node in nodes]
    seen = _seen_by_swarm(found)
    return tuple(_completed(one, seen.get(one.node.name)) for one in found)


def _completed(one: NodeStatus, seen: dict[str, Any] | None) -> NodeStatus:
    if seen is None:
        return one
    leads = bool(seen.get("ManagerStatus", {}).get("Leader"))
    role = "leader" if leads else str(seen["Spec"]["Role"])
    return replace(one, role=role, swarm=str(seen["Status"]["State"]))


def _seen_by_swarm(found: list[NodeStatus]) -> dict[str, dict[str, Any]]:
    """The nodes of the API by host name; workers and managers without a quorum know nothing."""
    for one in found:
        if one.state not in {NodeState.RUNNING, NodeState.PARTITIONED}:
            continue
        try:
            nodes = Engine(one.node.socket, timeout=3).get("/nodes")
        except EngineError:
            continue
        return {str(node["Description"]["Hostname"]): node for node in nodes}
    return {}
