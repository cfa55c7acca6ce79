"""Where the demo takes place: a sandbox of its own, or a swarm that is there already."""

from __future__ import annotations

import json
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.stack import REDIS_PORT, Stack
from swarmkeeper.commands.demo.swarm import SwarmView
from swarmkeeper.sandbox import Sandbox, SandboxError, down
from swarmkeeper.sandbox.scripts import AGENT, APP, HEALTH

_APP: Final = """\
FROM busybox
COPY app health /usr/local/bin/
STOPSIGNAL SIGKILL
EXPOSE 8080
CMD ["app"]
"""
_AGENT: Final = """\
FROM redis:7-alpine
COPY agent /usr/local/bin/
STOPSIGNAL SIGKILL
ENTRYPOINT []
CMD ["agent"]
"""
_BUILT: Final = {
    "swarmkeeper/app:1": {"Dockerfile": _APP, "app": APP, "health": HEALTH},
    "swarmkeeper/agent:1": {"Dockerfile": _AGENT, "agent": AGENT},
}


class Ground(Protocol):
    """A swarm to show things on."""

    docker_host: str
    stack: Stack

    def prepare(self, narrator: Narrator) -> None:
        """Makes it ready."""
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

    def prepare(self, narrator: Narrator) -> None:
        """Makes the sandbox."""
        try:
            with narrator.waiting("a Docker Swarm in namespaces of its own, with a registry"):
                sandbox = Sandbox.create(self.name, report=narrator.say)
        except SandboxError as error:
            raise DemoError(str(error)) from error
        self.docker_host = sandbox.docker_host
        self.stack = Stack(redis=f"{sandbox.address}:{REDIS_PORT}")

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
        stack: the example under a name and a port that nobody else uses.
        built: images that the demo has built on the engine.
    """

    docker_host: str
    stack: Stack = field(default_factory=Stack)
    built: list[str] = field(default_factory=list)

    def prepare(self, narrator: Narrator) -> None:
        """Chooses names, and builds what images are missing."""
        info = json.loads(self._docker("info", "--format", "{{json .Swarm}}"))
        if not info.get("ControlAvailable"):
            raise DemoError(
                f"{self.docker_host} is no Swarm manager: run `docker swarm init` there, or leave "
                "out --docker-host and DOCKER_HOST for a Swarm of the demo's own"
            )
        unique = secrets.token_hex(3)
        port = 20_000 + secrets.randbelow(10_000)
        redis = f"{info['NodeAddr']}:{port + 10_000}"
        self.stack = Stack(f"swarmkeeper_demo_{unique}", port, info["NodeID"], redis)
        narrator.say(f"uses the Swarm at {self.docker_host}; the stack is called {self.stack.name}")
        for image, files in _BUILT.items():
            if not self._docker("image", "ls", "--quiet", image):
                with narrator.waiting(f"image {image} is built"):
                    self._build(image, files)

    def clear(self, narrator: Narrator) -> None:
        """Removes the stack, its volumes and secret, and the images built for it."""
        with narrator.waiting(f"stack {self.stack.name} is gone"):
            self.stack.remove(SwarmView(self.docker_host))
        for image in self.built:
            with suppress(DemoError):
                self._docker("image", "rm", image)

    def record(self) -> dict[str, object]:
        """The manager, the stack and the images."""
        return {"dockerHost": self.docker_host, "built": self.built, **self.stack.record()}

    def _build(self, image: str, files: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as name:
            for file, text in files.items():
                (Path(name) / file).write_text(text, encoding="utf-8")
                (Path(name) / file).chmod(0o755)
            # The classic builder: it needs no plugin, and nothing is run while building.
            run(
                *("docker", "--host", self.docker_host, "build", "--quiet", "--tag", image, name),
                env={"DOCKER_BUILDKIT": "0"},
            )
        self.built.append(image)

    def _docker(self, *words: str) -> str:
        return run("docker", "--host", self.docker_host, *words)


def recorded(record: dict[str, object]) -> Ground:
    """The ground that an earlier process has kept."""
    if "sandbox" in record:
        return SandboxGround(str(record["sandbox"]))
    stack = Stack(str(record["stack"]), int(str(record["port"])), str(record["node"]))
    built = record["built"]
    return EngineGround(
        str(record["dockerHost"]), stack, [str(i) for i in built] if isinstance(built, list) else []
    )
