"""What the steps of the demo work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from swarmkeeper.commands.demo.api import Api
from swarmkeeper.commands.demo.narration import Narrator, Result
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.swarm import SwarmView


@dataclass(slots=True)
class Scene:
    """What the steps work with.

    Attributes:
        narrator: tells of it.
        swarm: the demo's eyes on the swarm.
        stack: the example system.
        repository: the git side.
        api: the operator.
        kubeconfig: the way in for kubectl.
        results: what was shown so far.
    """

    narrator: Narrator
    swarm: SwarmView
    stack: Stack
    repository: Repository
    api: Api
    kubeconfig: Path
    results: list[Result] = field(default_factory=list)
