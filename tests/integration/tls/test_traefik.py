"""A Traefik that orders its own certificates, for real, and is restarted where it should have renewed.

The Swarm is a fake: what it is asked to restart is a real Traefik, at a real CA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.harness import HandClock, Harness
from support.pebble import Pebble, wait_for
from support.traefik import Traefik

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from reconcilers.registry import RECONCILERS
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.runtime.ports import Clock, Ports
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.testing import FakeHttp, FakeSwarm, service_spec

pytestmark = pytest.mark.integration
REF = ObjectRef("Certificate", "app")
TWENTY_DAYS = 20 * 86400  # within Traefik's thirty: it renews at every start


class OneTraefik(FakeSwarm):
    """A Swarm whose only service is a process here."""

    def __init__(self, process: Traefik, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._process = process
        self.restarts = 0
        self.create(service_spec("traefik"))

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        replaced = super().update(service, change)
        if replaced is not None:
            self.restarts += 1
            self._process.stop()
            self._process.start()
        return replaced


class Scene:
    """A CA, a Traefik that orders there, and a certificate that is declared."""

    def __init__(self, folder: Path) -> None:
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self.traefik = Traefik(folder, folder / "dynamic")
        self.ca = Pebble(folder, self.traefik.http, TWENTY_DAYS, reuse=True)
        (folder / "acme_ca.pem").write_bytes(self.ca.ca)
        resolver = {
            "caServer": self.ca.url,
            "caCertificates": [str(folder / "acme_ca.pem")],
            "email": "a@app.test",
            "storage": str(folder / "acme.json"),
            "httpChallenge": {"entryPoint": "web"},
        }
        self.traefik.static = {"certificatesResolvers": {"le": {"acme": resolver}}}
        self.route(0)
        self.clock = HandClock(SystemClock().now())
        self.swarm = OneTraefik(self.traefik, self.clock)
        secrets = SecretFolder(self.secrets, lambda _: None)
        port = in_data_folder(secrets, folder, folder / "none", self.clock, ("127.0.0.1", 0))
        ports = Ports(self.swarm, FakeHttp(), self.clock, certificates=port)
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

    def declare(self, **traefik: Any) -> None:
        body = {
            "dnsNames": ["app.test"],
            "endpoints": [{"host": "127.0.0.1", "port": self.traefik.https}],
            "trust": {"caSecretRef": {"name": "issued_by"}},
            "renewBeforePercentage": 99,
            "issuer": {"traefik": {"service": "traefik", **traefik}},
        }
        document = {"apiVersion": API_VERSION, "kind": "Certificate", "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": "app"}}, actor="test")

    def look(self) -> tuple[str, str]:
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    @property
    def serial(self) -> str:
        return str(self.engine.status(REF)["serial"])

    def served(self) -> bool:
        """Whether an address shows a certificate of the CA."""
        self.look()
        return "Pebble" in self.engine.status(REF).get("issuer", "")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    scene = Scene(tmp_path)
    try:
        yield scene
    finally:
        scene.traefik.stop()
        scene.ca.stop()


def test_traefik_is_restarted_with_approval_and_shows_a_new_certificate(scene: Scene) -> None:
    scene.start_ca()
    scene.traefik.start()
    scene.declare()
    scene.wait_for_the_first()
    first = scene.serial
    scene.clock.forward(hours=6)

    assert scene.look() == ("False", "ApprovalRequired")
    assert scene.swarm.restarts == 0
    plan = scene.engine.status(REF)["pendingApproval"]["hash"]
    patch = {"metadata": {"annotations": {"swarmkeeper.dev/approve": plan}}}
    scene.engine.objects.patch(REF, patch, actor="test")
    scene.look()
    wait_for(lambda: scene.served() and scene.serial != first, "no new certificate is shown")

    assert scene.swarm.restarts == 1


def test_a_traefik_that_found_no_ca_at_its_start_is_restarted_once_it_is_there(
    scene: Scene,
) -> None:
    (scene.secrets / "issued_by").write_bytes(scene.ca.ca)
    scene.traefik.start()
    scene.declare(confirm=False)
    scene.look()
    assert scene.swarm.restarts == 0  # the service is new: it is given time

    scene.clock.forward(hours=2)
    scene.look()
    assert scene.swarm.restarts == 1
    assert scene.look()[0] != "True"
    scene.start_ca()
    scene.look()
    assert scene.swarm.restarts == 1  # not again at once

    scene.clock.forward(hours=2)
    scene.look()
    scene.wait_for_the_first()

    assert scene.swarm.restarts == 2
