"""The files of the example system, adapted to where the demo takes place."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

import desired_state
import swarmkeeper
from swarmkeeper.commands.init import scaffold

NAME: Final = "agentes_ai"
DOMAIN: Final = "agentes-ai.example.org"
DYNAMIC: Final = "/etc/traefik/dynamic"
"""Where Traefik finds routes and certificates."""


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given by chance (below 32768)."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("", port)):
            return port


@dataclass(frozen=True, slots=True)
class Ports:
    """Where services answer, on their node."""

    orchestrator: int = 8080
    redis: int = 6379
    postgres: int = 5432
    web: int = 80
    websecure: int = 443

    @classmethod
    def starting_at(cls, first: int) -> Ports:
        """Five ports in a row."""
        return cls(*range(first, first + 5))


@dataclass(frozen=True, slots=True)
class Example:
    """The example under a name of its own.

    Attributes:
        name: of the stack.
        node: id of the only node that may run it; empty: wherever the files say.
        address: where the published ports are reached by the operator, which runs beside the swarm.
        ports: those.
        folder: of the demo, for backups and certificates.
        left_out: `backups`, `drill` or `website`, where they can't be shown.
        responder_port: where the operator answers a CA.
        authority_port: where the CA answers.
    """

    name: str = NAME
    node: str = ""
    address: str = "127.0.0.1"
    ports: Ports = Ports()
    folder: Path = Path("/nowhere")
    left_out: frozenset[str] = frozenset()
    responder_port: int = field(default_factory=free_port)
    authority_port: int = field(default_factory=free_port)

    @property
    def here(self) -> str:
        """This machine's address, as containers reach it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect((self.address, 9))  # sends nothing
            return str(way.getsockname()[0])

    @property
    def tasks(self) -> dict[str, int]:
        """Services of the stack, and how many tasks each has."""
        web = {} if "website" in self.left_out else {"traefik": 1}
        return {"orchestrator": 1, "agent-dev": 2, "agent-qa": 1, "redis": 1, "postgres": 1, **web}

    @property
    def backups(self) -> Path:
        """Folder of the backups."""
        return self.folder / "backups"

    @property
    def certificates(self) -> Path:
        """Folder that Traefik watches."""
        return self.folder / "certificates"

    def full(self, name: str) -> str:
        """Name of a service or secret in the swarm."""
        return f"{self.name}_{name}"

    def desired_state(self) -> dict[str, str]:
        """The files of the desired-state repository: name -> text."""
        files = {"backups": ("backups.yaml",), "website": ("certificates.yaml", "proxy.yaml")}
        absent = {file for part in self.left_out for file in files.get(part, ())}
        return {name: self._kept(text) for name, text in scaffold() if name not in absent}

    def compose(self) -> str:
        """The stack file."""
        text = self._adapted((charts() / "agentes-ai" / "docker-stack.yml").read_text("utf-8"))
        document = yaml.safe_load(text)
        services = document["services"]
        for name, target, published in self._stores():
            port = {"target": target, "published": published, "protocol": "tcp", "mode": "host"}
            services[name]["ports"] = [port]
        services["traefik"]["volumes"] = [f"{self.certificates}:{DYNAMIC}"]
        for service in services.values() if self.node else ():
            service["deploy"]["placement"] = {"constraints": [f"node.id == {self.node}"]}
        if "website" in self.left_out:
            del services["traefik"], document["configs"]
        del document["volumes"]["certificates"]
        return yaml.safe_dump(document)

    def routes(self) -> str:
        """The routes of Traefik, the way to the operator among them."""
        text = (charts() / "agentes-ai" / "routes.yml").read_text("utf-8")
        return text.replace("swarmkeeper:8402", f"{self.here}:{self.responder_port}")

    def _kept(self, text: str) -> str:
        """A file of the desired state: how the operator reaches what it keeps."""
        text = self._adapted(text)
        redis = f"{self.full('redis')}:6379"
        text = text.replace(redis, f"{self.address}:{self.ports.redis}")
        for name, port in (("postgres", self.ports.postgres), ("traefik", self.ports.websecure)):
            # The host stands in a mapping: its port goes into the next line, as far to the right.
            for indent in ("    ", "    - "):
                old = f"\n{indent}host: {self.full(name)} "
                new = f"\n{indent}host: {self.address}\n{' ' * len(indent)}port: {port} "
                text = text.replace(old, new)
        text = text.replace(f"/backups/{self.name}", str(self.backups))
        volume = f"{{type: volume, source: {self.full('certificates')}, target: {DYNAMIC}}}"
        text = text.replace(
            volume, f"{{type: bind, source: {self.certificates}, target: {DYNAMIC}}}"
        )
        text = text.replace("healthDelay: 10s", "healthDelay: 1s")  # nobody wants to wait
        if "drill" in self.left_out:
            text = re.sub(r"^ *restoreDrill:.*\n", "", text, flags=re.M)
        return self._private_authority(text)

    def _private_authority(self, text: str) -> str:
        """Lets the certificate come from the demo's own CA, once the demo comes to it."""
        head = "kind: Certificate\n"
        if head not in text:
            return text
        ca, trusted = (f"caSecretRef: {{name: {self.full(name)}}}" for name in ("ca", "trusted"))
        server = f"server: https://127.0.0.1:{self.authority_port}/dir"
        text = text.replace("      email:", f"      {server}\n      {ca}\n      email:")
        return text.replace("\nspec:\n", f"\nspec:\n  suspend: true\n  trust: {{{trusted}}}\n")

    def _adapted(self, text: str) -> str:
        text = text.replace("${STACK:-agentes_ai}", self.name).replace(NAME, self.name)
        usual = Ports()
        for target in ("orchestrator", "web", "websecure"):
            old, new = getattr(usual, target), getattr(self.ports, target)
            text = text.replace(f"published: {old},", f"published: {new},")
        text = text.replace(
            f"}}:{usual.orchestrator}/health", f"}}:{self.ports.orchestrator}/health"
        )
        pinned = f"node.id == {self.node}" if self.node else "node.role == manager"
        return text.replace("node.role == manager", pinned)

    def _stores(self) -> Iterable[tuple[str, int, int]]:
        usual = Ports()
        return (
            ("redis", usual.redis, self.ports.redis),
            ("postgres", usual.postgres, self.ports.postgres),
        )


def charts() -> Path:
    """The folder `charts`: beside the sources, or inside the installed package."""
    beside = Path(desired_state.__file__).parents[1] / "charts"
    installed = Path(swarmkeeper.__file__).parent / "charts"
    return beside if (beside / "agentes-ai").is_dir() else installed
