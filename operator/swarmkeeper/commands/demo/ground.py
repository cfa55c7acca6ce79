"""Where the demo takes place: a sandbox of its own, or a swarm that is there already."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from swarmkeeper.commands.demo import images, parts
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import Example, Ports
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.swarm import SwarmView
from swarmkeeper.sandbox import Sandbox, SandboxError, down


class Ground(Protocol):
    """A swarm to show things on."""

    docker_host: str
    stack: Stack

    def prepare(self, narrator: Narrator, folder: Path) -> None:
        """Makes it ready.

        Args:
            narrator: tells of it.
            folder: of the demo.
        """
        ...

    def clear(self, narrator: Narrator) -> None:
        """Takes away all that the demo has made; what is gone already is fine."""
        ...

    def record(self) -> dict[str, object]:
        """What a later process needs to clear it."""
        ...


@dataclass
class SandboxGround:
    """A throw-away Swarm.

    Attributes:
        name: of the sandbox.
        docker_host: known once it is prepared.
        stack: the example as it is.
    """

    name: str
    docker_host: str = ""
    stack: Stack = field(default_factory=Stack)

    def prepare(self, narrator: Narrator, folder: Path) -> None:
        """Makes the sandbox."""
        try:
            with narrator.waiting("a Docker Swarm in namespaces of its own, with a registry"):
                sandbox = Sandbox.create(self.name, report=narrator.say)
                lacking = parts.lacking_in_a_sandbox(narrator.say)
        except SandboxError as error:
            raise DemoError(str(error)) from error
        self.docker_host = sandbox.docker_host
        address = str(sandbox.address)
        left_out = parts.left_out(narrator, lacking)
        self.stack = Stack(Example(address=address, folder=folder, left_out=left_out))

    def clear(self, narrator: Narrator) -> None:
        """Takes the sandbox away, whatever runs in it."""
        with narrator.waiting("the sandbox is gone"):
            down(self.name)

    def record(self) -> dict[str, object]:
        """The name is enough."""
        return {"sandbox": self.name}


@dataclass
class EngineGround:
    """A Swarm manager that is there: only what the demo makes there is touched.

    Attributes:
        docker_host: the manager.
        stack: the example under a name and ports that nobody else uses.
        built: images that the demo has built on the engine.
    """

    docker_host: str
    stack: Stack = field(default_factory=Stack)
    built: list[str] = field(default_factory=list)

    def prepare(self, narrator: Narrator, folder: Path) -> None:
        """Chooses names, and builds what images are missing."""
        info = json.loads(self._docker("info", "--format", "{{json .Swarm}}"))
        if not info.get("ControlAvailable"):
            raise DemoError(
                f"{self.docker_host} is no Swarm manager: run `docker swarm init` there, or leave "
                "out --docker-host and DOCKER_HOST for a Swarm of the demo's own"
            )
        name = f"swarmkeeper_demo_{secrets.token_hex(3)}"
        narrator.say(f"uses the Swarm at {self.docker_host}; the stack is called {name}")
        for image in images.BUILT:
            if not self._docker("image", "ls", "--quiet", image):
                with narrator.waiting(f"image {image} is built"):
                    images.build(self.docker_host, image)
                self.built.append(image)
        left_out = parts.left_out(narrator, parts.lacking_beside(self.docker_host, folder))
        ports = Ports.starting_at(20_000 + secrets.randbelow(10_000))
        example = Example(name, info["NodeID"], info["NodeAddr"], ports, folder, left_out=left_out)
        self.stack = Stack(example)

    def clear(self, narrator: Narrator) -> None:
        """Removes the stack, its volumes and secrets, and the images built for it."""
        with narrator.waiting(f"stack {self.stack.name} is gone"):
            self.stack.remove(SwarmView(self.docker_host))
        for image in self.built:
            with suppress(DemoError):
                self._docker("image", "rm", image)

    def record(self) -> dict[str, object]:
        """The manager, the stack and the images."""
        return {"dockerHost": self.docker_host, "built": self.built, "stack": self.stack.name}

    def _docker(self, *words: str) -> str:
        return run("docker", "--host", self.docker_host, *words)


def recorded(record: dict[str, object]) -> Ground:
    """The ground that an earlier process has kept."""
    if "sandbox" in record:
        return SandboxGround(str(record["sandbox"]))
    built = record["built"]
    return EngineGround(
        str(record["dockerHost"]),
        Stack(Example(str(record["stack"]))),
        [str(i) for i in built] if isinstance(built, list) else [],
    )
