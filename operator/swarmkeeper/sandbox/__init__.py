"""A real, throw-away Docker Swarm on this machine: for the demo, the tests and the benches.

    with Sandbox.create("try", nodes=3) as sandbox:
        client = docker.DockerClient(base_url=sandbox.docker_host)
        ...
        sandbox.nodes[2].power_off()

Each node is a dockerd with its own network, mount, pid and host-name namespace. All of it needs
root, and stays until `down`, whatever becomes of the process that made it.
"""

from __future__ import annotations

from swarmkeeper.sandbox.engine import Engine
from swarmkeeper.sandbox.errors import SandboxError
from swarmkeeper.sandbox.node import Node, NodeState
from swarmkeeper.sandbox.sandbox import Sandbox, down, names

__all__ = ["Engine", "Node", "NodeState", "Sandbox", "SandboxError", "down", "names"]
