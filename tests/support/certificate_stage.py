"""A whole operator with a certificate: a real CA, a real Traefik, git and a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.git import Repository
from support.operator_process import GROUP_PATH, OperatorProcess, eventually
from support.pebble import Pebble, wait_for
from support.redis_server import free_port
from support.tls import Pair
from support.traefik import Traefik
from swarmkeeper.adapters.tls.folder import CertificateFolder, Published
from swarmkeeper.adapters.tls.reading import pair
from swarmkeeper.runtime.certificates import Publication
from swarmkeeper.runtime.conditions import find

PATIENCE = 120.0
CRASHING = Path(__file__).with_name("crashing_acme.py")


class CertificateStage:
    """A certificate `app`, declared in git, kept by an operator, shown by a Traefik.

    Args:
        folder: for all files.
        docker_host: the engine.
        lifetime: of the CA's certificates, in seconds.
    """

    def __init__(self, folder: Path, docker_host: str, lifetime: int = 90 * 86400) -> None:
        port = free_port()
        self.published, self.secrets = folder / "published", folder / "secrets"
        self.secrets.mkdir()
        self.traefik = Traefik(folder, self.published)
        self.traefik.route_all(f"http://127.0.0.1:{port}")
        self.ca = Pebble(folder, self.traefik.http, lifetime)
        self.repository = Repository(folder)
        options = ["--secrets", self.secrets, "--certificates", self.published]
        options += ["--acme-host", "127.0.0.1", "--acme-port", port]
        self.operator = OperatorProcess(
            folder / "operator",
            docker_host,
            self.repository.url,
            options=[str(one) for one in options],
            crashing=CRASHING,
        )

    @classmethod
    @contextmanager
    def on(
        cls, folder: Path, docker_host: str, lifetime: int = 90 * 86400
    ) -> Iterator[CertificateStage]:
        """Everything but the operator runs within the block."""
        stage = cls(folder, docker_host, lifetime)
        try:
            stage.traefik.start()
            wait_for(lambda: stage.traefik.knows("challenge"), "Traefik has not read its folder")
            stage.start_ca()
            yield stage
        finally:
            stage.operator.kill()
            stage.traefik.stop()
            stage.ca.stop()

    def start_ca(self) -> None:
        """Starts the CA anew."""
        self.ca.start()
        (self.secrets / "acme_ca").write_bytes(self.ca.ca)
        (self.secrets / "issued_by").write_bytes(self.ca.root)

    def acme(self, **changed: Any) -> dict[str, Any]:
        """The issuer `acme` for this CA."""
        issuer = {"server": self.ca.url, "caSecretRef": {"name": "acme_ca"}, **changed}
        return {"issuer": {"acme": issuer}, "publish": {}}

    def bring(self, made: Pair) -> None:
        """Puts a pair where the issuer `files` looks."""
        (self.secrets / "crt").write_bytes(made.chain)
        (self.secrets / "key").write_bytes(made.key)

    def declare(self, **spec: Any) -> None:
        """Commits the certificate, looked at every second."""
        body = {
            "dnsNames": ["app.test"],
            "endpoints": [{"host": "127.0.0.1", "port": self.traefik.https}],
            "trust": {"caSecretRef": {"name": "issued_by"}},
            "interval": "1s",
            **spec,
        }
        text = "apiVersion: swarmkeeper.dev/v1alpha1\nkind: Certificate\nmetadata: {name: app}\n"
        self.repository.commit(app=f"{text}spec: {json.dumps(body)}\n")

    def renew(self, run: str) -> None:
        """Asks for a new certificate by hand."""
        self.operator.annotate("app", "run", f"renew:{run}", plural="certificates")

    def events(self) -> set[str]:
        """Reasons of the events of the object."""
        return {reason for reason, _ in self.operator.events("app")}

    @property
    def status(self) -> dict[str, Any]:
        """Of the object; empty where there is none."""
        found = self.operator.get(f"{GROUP_PATH}/certificates/app") or {}
        return dict(found.get("status", {}))

    def condition(self, type_: str) -> tuple[str, str]:
        """Status and reason; empty where there is none."""
        found = find(self.status.get("conditions", []), type_)
        return (found["status"], found["reason"]) if found else ("", "")

    def wait_served(self, other_than: str = "") -> str:
        """Waits until the object is Ready; gives the serial that is shown."""
        eventually(
            lambda: self.condition("Ready")[0] == "True" and self.status["serial"] != other_than,
            within=PATIENCE,
            what=f"Ready: {json.dumps(self.status, indent=1)}",
        )
        assert self.files() is not None
        return str(self.status["serial"])

    def files(self) -> Published | None:
        """What servers read, which must be whole at any time."""
        found = CertificateFolder(self.published).read(Publication("default.app"))
        if found is not None:
            pair(found.certificate, found.key)
        return found
