"""Making one Swarm of a sandbox's nodes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from swarmkeeper.sandbox.names import OVERLAY_POOL
from swarmkeeper.sandbox.node import Node
from swarmkeeper.sandbox.waiting import wait_until

_PORT: Final = 2377
# Docker's own is 5 s; with this a dead node is seen as such after 2 s instead of 13 s.
_HEARTBEAT: Final = 1_000_000_000


def form(nodes: Sequence[Node], managers: int) -> None:
    """Make the first node a Swarm and let the others join, then wait until all are ready.

    Args:
        nodes: All nodes; their engines answer.
        managers: How many of them, from the first, become managers.
    """
    first = nodes[0]
    _initialise(first)
    if len(nodes) > 1:
        tokens = first.engine.get("/swarm")["JoinTokens"]
        for node in nodes[1:managers]:  # One by one: two at once disturb each other's election.
            _join(node, first, tokens["Manager"])
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda node: _join(node, first, tokens["Worker"]), nodes[managers:]))
    wait_ready(first, len(nodes))


def wait_ready(manager: Node, count: int, timeout: float = 60) -> None:
    """Wait until this many nodes are ready, as a manager sees it."""
    wait_until(
        lambda: sum(is_ready(node) for node in manager.engine.get("/nodes")) >= count,
        timeout=timeout,
        what=f"{count} ready nodes",
        interval=0.05,
    )


def is_ready(node: dict[str, Any]) -> bool:
    """Whether a node of the API's answer is ready."""
    return bool(node["Status"]["State"] == "ready")


def _initialise(node: Node) -> None:
    node.engine.post(
        "/swarm/init",
        {
            "ListenAddr": f"{node.address}:{_PORT}",
            "AdvertiseAddr": str(node.address),
            "DefaultAddrPool": [OVERLAY_POOL],
            "SubnetSize": 24,
            "Spec": {"Dispatcher": {"HeartbeatPeriod": _HEARTBEAT}},
        },
    )


def _join(node: Node, manager: Node, token: str) -> None:
    node.engine.post(
        "/swarm/join",
        {
            "ListenAddr": f"{node.address}:{_PORT}",
            "AdvertiseAddr": str(node.address),
            "RemoteAddrs": [f"{manager.address}:{_PORT}"],
            "JoinToken": token,
        },
    )
