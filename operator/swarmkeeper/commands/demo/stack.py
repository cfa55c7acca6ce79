"""The example system of the demo: which files make it, under which name, on which swarm."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

import desired_state
import swarmkeeper
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.swarm import PATIENCE, SwarmView, until
from swarmkeeper.commands.init import scaffold

NAME: Final = "agentes_ai"
PORT: Final = 8080
REDIS_PORT: Final = 6379
TASKS: Final = {"orchestrator": 1, "agent-dev": 2, "agent-qa": 1, "redis": 1, "postgres": 1}
"""Services of the stack, and how many tasks each has."""
_SETTLED: Final = 30.0


@dataclass(frozen=True, slots=True)
class Stack:
    """The example under a name of its own.

    Attributes:
        name: name of the stack.
        port: where the orchestrator answers, on its node.
        node: id of the only node that may run it; empty: wherever the files say.
        redis: `address:port` at which the operator, which runs beside the swarm, reaches Redis.
        redis_password: asked for there.
    """

    name: str = NAME
    port: int = PORT
    node: str = ""
    redis: str = f"127.0.0.1:{REDIS_PORT}"
    redis_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def secret(self, name: str) -> str:
        """Full name of a Docker secret."""
        return f"{self.name}_{name}"

    def service(self, name: str) -> str:
        """Full name of a service."""
        return f"{self.name}_{name}"

    def desired_state(self) -> dict[str, str]:
        """The files of the desired-state repository."""
        return {
            name: self._adapt(text).replace(f"{self.service('redis')}:{REDIS_PORT}", self.redis)
            for name, text in scaffold()
        }

    def compose(self) -> str:
        """The stack file."""
        text = self._adapt((charts() / "agentes-ai" / "docker-stack.yml").read_text("utf-8"))
        document = yaml.safe_load(text)
        published = int(self.redis.rpartition(":")[2])
        port = {"target": REDIS_PORT, "published": published, "protocol": "tcp", "mode": "host"}
        document["services"]["redis"]["ports"] = [port]
        for service in document["services"].values() if self.node else ():
            service["deploy"]["placement"] = {"constraints": [f"node.id == {self.node}"]}
        return yaml.safe_dump(document)

    def deploy(self, swarm: SwarmView, folder: Path) -> None:
        """Brings the stack into being and waits until it runs."""
        for name, value in self._secrets().items():
            swarm.docker("secret", "create", name, "-", stdin=value)
        file = folder / "docker-stack.yml"
        file.write_text(self.compose(), encoding="utf-8")
        swarm.docker("stack", "deploy", "--compose-file", str(file), self.name)
        for name, number in TASKS.items():
            swarm.until_running(self.service(name), number)

    def remove(self, swarm: SwarmView) -> None:
        """Takes everything of the stack off a swarm that stays."""
        label = f"label=com.docker.stack.namespace={self.name}"
        swarm.docker("stack", "rm", self.name)
        # The engine only begins: containers, and with them the network, go a little later.
        until(lambda: not _parts(swarm, label), f"the end of stack {self.name}", _SETTLED)
        for name in self._secrets():
            if swarm.docker("secret", "ls", "--quiet", "--filter", f"name={name}"):
                swarm.docker("secret", "rm", name)
        until(lambda: _no_volumes(swarm, label), f"the end of its volumes {label}", PATIENCE)

    def give_secrets(self, folder: Path) -> None:
        """Puts what the operator needs into its folder of secrets, as Docker would."""
        folder.mkdir(mode=0o700)
        file = folder / self.secret("redis_password")
        file.touch(mode=0o600)
        file.write_text(self.redis_password, encoding="utf-8")

    def _secrets(self) -> dict[str, str]:
        return {
            self.secret("postgres_password"): secrets.token_urlsafe(24),
            self.secret("redis_password"): self.redis_password,
            self.secret("redis_conf"): f"requirepass {self.redis_password}\n",
        }

    def _adapt(self, text: str) -> str:
        if self.name == NAME:
            return text
        text = text.replace("${STACK:-agentes_ai}", self.name).replace(NAME, self.name)
        text = text.replace(f"published: {PORT}", f"published: {self.port}")
        text = text.replace(f"}}:{PORT}/health", f"}}:{self.port}/health")
        return text.replace("node.role == manager", f"node.id == {self.node}")

    def record(self) -> dict[str, Any]:
        """What a later process needs to take it away."""
        return {"stack": self.name, "port": self.port, "node": self.node}


def charts() -> Path:
    """The folder `charts`: beside the sources, or inside the installed package."""
    beside = Path(desired_state.__file__).parents[1] / "charts"
    installed = Path(swarmkeeper.__file__).parent / "charts"
    return beside if (beside / "agentes-ai").is_dir() else installed


def _parts(swarm: SwarmView, label: str) -> str:
    """Ids of the containers and networks that are still there."""
    lists = (["ps", "--all"], ["network", "ls"])
    return "".join(swarm.docker(*words, "--quiet", "--filter", label) for words in lists)


def _no_volumes(swarm: SwarmView, label: str) -> bool:
    names = swarm.docker("volume", "ls", "--quiet", "--filter", label).split()
    try:
        if names:
            swarm.docker("volume", "rm", *names)
    except DemoError:
        return False  # a container that is being removed still holds one
    return True
