"""A declared certificate in the engine, with a real CA and a real Traefik."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desired_state.objects import API_VERSION, ObjectRef
from reconcilers.registry import RECONCILERS
from support.harness import Harness
from support.pebble import Pebble, wait_for
from support.redis_server import free_port
from support.traefik import Traefik
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.runtime.ports import Clock, Ports
from swarmkeeper.store.audit import Entry
from swarmkeeper.testing import FakeHttp, FakeSwarm

REF = ObjectRef("Certificate", "app")


class AcmeScene:
    """A CA, a Traefik in front of all, and a certificate that is declared."""

    def __init__(self, folder: Path, *, lifetime: int = 90 * 86400) -> None:
        self.folder, self.port = folder, free_port()
        self.published, self.secrets = folder / "published", folder / "secrets"
        self.secrets.mkdir()
        self.traefik = Traefik(folder, self.published)
        self.ca = Pebble(folder, self.traefik.http, lifetime)
        self.traefik.route_all(f"http://127.0.0.1:{self.port}")
        self.clock: Clock = SystemClock()

    def start(self) -> None:
        self.traefik.start()
        wait_for(lambda: self.traefik.knows("challenge"), "Traefik has not read its folder")
        self.start_ca()
        self.engine = self.operator()

    def start_ca(self) -> None:
        self.ca.start()
        (self.secrets / "acme_ca").write_bytes(self.ca.ca)
        (self.secrets / "issued_by").write_bytes(self.ca.root)

    def operator(self) -> Harness:
        """The engine, as a new process has it."""
        secrets, data = SecretFolder(self.secrets, lambda _: None), self.folder / "data"
        listen = ("127.0.0.1", self.port)
        port = in_data_folder(secrets, data, self.published, self.clock, listen)
        ports = Ports(FakeSwarm(), FakeHttp(), self.clock, certificates=port)
        path = self.folder / "store.sqlite"
        hand: Any = self.clock
        return Harness(path=path, reconcilers=RECONCILERS, ports=ports, clock=hand)

    def declare(self, name: str = "app.test", **acme: Any) -> None:
        endpoint = {"host": "127.0.0.1", "port": self.traefik.https}
        issuer = {"server": self.ca.url, "email": "a@app.test", "caSecretRef": {"name": "acme_ca"}}
        body = {
            "dnsNames": [name],
            "endpoints": [endpoint],
            "trust": {"caSecretRef": {"name": "issued_by"}},
            "issuer": {"acme": {**issuer, **acme}},
            "publish": {},
        }
        document = {"apiVersion": API_VERSION, "kind": "Certificate", "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": "app"}}, actor="test")

    def look(self) -> tuple[str, str]:
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    def ready(self) -> None:
        try:
            wait_for(lambda: self.look()[0] == "True", "not ready")
        except AssertionError:
            pytest.fail(f"not ready: {json.dumps(self.status, indent=1)}")

    @property
    def status(self) -> dict[str, Any]:
        found = self.engine.objects.get(REF)
        assert found is not None
        return dict(found["status"])

    def renew(self, run: str) -> None:
        patch = {"metadata": {"annotations": {"swarmkeeper.dev/run": f"renew:{run}"}}}
        self.engine.objects.patch(REF, patch, actor="test")

    def renewals(self) -> int:
        ended = (one for one in self.engine.trail.records() if one.entry is Entry.SUCCEEDED)
        return sum(one.step.runbook == "renew" for one in ended)

    def stop(self) -> None:
        self.traefik.stop()
        self.ca.stop()
