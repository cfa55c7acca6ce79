"""The example system of the demo on its swarm: it comes, and it goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import Example
from swarmkeeper.commands.demo.swarm import PATIENCE, SwarmView, until

_SETTLED: Final = 30.0


def _password() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Stack:
    """The example with its secrets.

    Attributes:
        example: its files.
        redis_password: asked for by Redis.
        postgres_password: of the superuser.
    """

    example: Example = field(default_factory=Example)
    redis_password: str = field(default_factory=_password, repr=False)
    postgres_password: str = field(default_factory=_password, repr=False)

    @property
    def name(self) -> str:
        """In the swarm."""
        return self.example.name

    @property
    def tasks(self) -> dict[str, int]:
        """Services of the stack, and how many tasks each has."""
        return self.example.tasks

    def service(self, name: str) -> str:
        """Full name of a service."""
        return self.example.full(name)

    def deploy(self, swarm: SwarmView) -> None:
        """Brings the stack into being and waits until it runs."""
        for name, value in self._secrets().items():
            swarm.docker("secret", "create", name, "-", stdin=value)
        example = self.example
        for folder in (example.backups, example.certificates):
            folder.mkdir(mode=0o700, exist_ok=True)
        file = example.folder / "docker-stack.yml"
        file.write_text(example.compose(), encoding="utf-8")
        file.with_name("routes.yml").write_text(example.routes(), encoding="utf-8")
        swarm.docker("stack", "deploy", "--compose-file", str(file), self.name)
        for name, number in self.tasks.items():
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

    def give_secrets(self, folder: Path, **more: str) -> None:
        """Puts what the operator needs into its folder of secrets, as Docker would.

        Args:
            folder: that one; it is made.
            more: further secrets, by name.
        """
        folder.mkdir(mode=0o700)
        own = {"redis_password": self.redis_password, "postgres_password": self.postgres_password}
        for name, value in {**own, **more}.items():
            file = folder / self.example.full(name)
            file.touch(mode=0o600)
            file.write_text(value, encoding="utf-8")

    def _secrets(self) -> dict[str, str]:
        full = self.example.full
        return {
            full("postgres_password"): self.postgres_password,
            full("redis_password"): self.redis_password,
            full("redis_conf"): f"requirepass {self.redis_password}\n",
        }


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
