"""A Traefik that orders its own certificates at a real CA, and a Swarm whose only service it is.

The Swarm is a fake: what it is asked to restart, to stop and to start is a real process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from reconcilers.registry import RECONCILERS
from support.harness import HandClock, Harness
from support.one_service import OneService
from support.pebble import Pebble, wait_for
from support.traefik import Traefik
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.adapters.tls.traefik_storage import TraefikFiles
from swarmkeeper.runtime.ports import Clock, Ports
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.testing import FakeHttp, service_spec

REF = ObjectRef("Certificate", "app")
TWENTY_DAYS = 20 * 86400  # within Traefik's thirty: it renews at every start


class OneTraefik(OneService):
    """A Swarm whose only service is a process here."""

    def __init__(self, process: Traefik, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._process = process
        self.restarts = self.stops = 0
        self.create(service_spec("traefik", replicas=1))

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        before = self.spec
        replaced = super().update(service, change)
        if before["TaskTemplate"] != self.spec["TaskTemplate"]:
            self.restarts += 1
            self._process.stop()
            self._process.start()
        if before["Mode"] != self.spec["Mode"]:
            stopped = self.replicas == 0
            self.stops += stopped
            (self._process.stop if stopped else self._process.start)()
        return replaced


class Scene:
    """A CA, a Traefik that orders there, and a certificate that is declared."""

    def __init__(self, folder: Path, lifetime: int = TWENTY_DAYS) -> None:
        self.storage = folder / "acme.json"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self.traefik = Traefik(folder, folder / "dynamic")
        self.ca = Pebble(folder, self.traefik.http, lifetime, reuse=True)
        (folder / "acme_ca.pem").write_bytes(self.ca.ca)
        resolver = {
            "caServer": self.ca.url,
            "caCertificates": [str(folder / "acme_ca.pem")],
            "email": "a@app.test",
            "storage": str(self.storage),
            "httpChallenge": {"entryPoint": "web"},
        }
        self.traefik.static = {"certificatesResolvers": {"le": {"acme": resolver}}}
        self.route(0)
        self.clock = HandClock(SystemClock().now())
        self.swarm = OneTraefik(self.traefik, self.clock)
        secrets = SecretFolder(self.secrets, lambda _: None)
        port = in_data_folder(secrets, folder, folder / "none", self.clock, ("127.0.0.1", 0))
        files = TraefikFiles(folder)
        ports = Ports(self.swarm, FakeHttp(), self.clock, certificates=port, traefik=files)
        self.engine = Harness(reconcilers=RECONCILERS, ports=ports, clock=self.clock)

    def route(self, priority: int) -> None:
        """Has Traefik order a certificate for a name; a change makes it order one again."""
        router = {
            "rule": "Host(`app.test`)",
            "entryPoints": ["websecure"],
            "service": "ping@internal",
            "priority": priority,
            "tls": {"certResolver": "le"},
        }
        self.traefik.route("app", {"http": {"routers": {"app": router}}})

    def wait_for_the_first(self) -> None:
        """Traefik may order before it listens; it orders again when a router changes."""
        for attempt in range(1, 7):
            with suppress(AssertionError):
                wait_for(self.served, "", 15)
                return
            self.route(attempt)
        pytest.fail("Traefik has no certificate")

    def start_ca(self) -> None:
        self.ca.start()
        (self.secrets / "issued_by").write_bytes(self.ca.root)

    def declare(self, percentage: int = 99, **traefik: Any) -> None:
        body = {
            "dnsNames": ["app.test"],
            "endpoints": [{"host": "127.0.0.1", "port": self.traefik.https}],
            "trust": {"caSecretRef": {"name": "issued_by"}},
            "renewBeforePercentage": percentage,
            "issuer": {"traefik": {"service": "traefik", **traefik}},
        }
        document = {"apiVersion": API_VERSION, "kind": "Certificate", "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": "app"}}, actor="test")

    def look(self) -> tuple[str, str]:
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    def approve(self) -> None:
        """Says yes to what waits for it."""
        plan = self.engine.status(REF)["pendingApproval"]["hash"]
        patch = {"metadata": {"annotations": {"swarmkeeper.dev/approve": plan}}}
        self.engine.objects.patch(REF, patch, actor="test")

    @property
    def serial(self) -> str:
        return str(self.engine.status(REF)["serial"])

    def served(self) -> bool:
        """Whether an address shows a certificate of the CA."""
        self.look()
        return "Pebble" in self.engine.status(REF).get("issuer", "")
