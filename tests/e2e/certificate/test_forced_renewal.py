"""A real Traefik on a real Swarm, kept by a SwarmService, is made to renew by an operator that is killed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import pebble as pebbles
from support import traefik as traefiks
from support.git import Repository
from support.operator_process import GROUP_PATH, OperatorProcess, eventually
from support.pebble import Pebble

from reconcilers.certificate.journal import Step, journal_of
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.service_hold import BY
from swarmkeeper.sandbox import Sandbox

WEB, SECURE = 8081, 8443
SPEC = "apiVersion: swarmkeeper.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n"


class Ground:
    """A CA, a Traefik on a Swarm, and an operator that keeps both its service and its certificate."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        here, self.there = str(sandbox.root_address), str(sandbox.address)
        self.folder, self.name = folder / "traefik", f"t{uuid.uuid4().hex[:6]}"
        self.folder.mkdir()
        secrets = folder / "secrets"
        secrets.mkdir()
        self.ca = Pebble(folder, WEB, reuse=True, here=here, there=self.there)
        self.ca.start()
        (secrets / "issued_by").write_bytes(self.ca.root)
        self.storage = self.folder / "acme.json"
        self._configure()
        self.swarm = DockerSwarm(sandbox.docker_host)
        self.repository = Repository(folder)
        options = ["--secrets", str(secrets), "--traefik-storage", str(self.folder)]
        self.operator = OperatorProcess(
            folder / "operator", sandbox.docker_host, self.repository.url, options=options
        )
        self.repository.commit(traefik=self._service(), app=self._certificate())

    def _configure(self) -> None:
        (self.folder / "ca.pem").write_bytes(self.ca.ca)
        resolver = {
            "caServer": self.ca.url,
            "caCertificates": ["/traefik/ca.pem"],
            "email": "a@app.test",
            "storage": "/traefik/acme.json",
            "httpChallenge": {"entryPoint": "web"},
        }
        static = {
            "providers": {"file": {"directory": "/traefik/dynamic", "watch": True}},
            "entryPoints": {
                "web": {"address": f":{WEB}"},
                "websecure": {"address": f":{SECURE}"},
            },
            "ping": {"manualRouting": True},
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "certificatesResolvers": {"le": {"acme": resolver}},
        }
        (self.folder / "traefik.yml").write_text(yaml.safe_dump(static))
        (self.folder / "dynamic").mkdir()
        self.route(0)

    def route(self, priority: int) -> None:
        """A change has Traefik order anew: it may have ordered before it listened."""
        router = {
            "rule": "Host(`app.test`)",
            "entryPoints": ["websecure"],
            "service": "ping@internal",
            "priority": priority,
            "tls": {"certResolver": "le"},
        }
        text = yaml.safe_dump({"http": {"routers": {"app": router}}})
        (self.folder / "dynamic" / "app.yml").write_text(text)

    def _service(self) -> str:
        ports = [{"target": one, "published": one, "mode": "host"} for one in (WEB, SECURE)]
        spec = {
            "serviceName": self.name,
            "image": "traefik:v3",
            "replicas": 1,
            "args": ["--configFile=/traefik/traefik.yml"],
            "mounts": [{"type": "bind", "source": str(self.folder), "target": "/traefik"}],
            "ports": ports,
            "stopGracePeriod": "2s",
        }
        return SPEC.format("SwarmService", "traefik", json.dumps(spec))

    def _certificate(self) -> str:
        issuer = {
            "service": self.name,
            "storage": {"path": "acme.json", "resolver": "le"},
            "server": self.ca.url,
            "issuanceTimeout": "20s",
        }
        spec = {
            "dnsNames": ["app.test"],
            "endpoints": [{"host": self.there, "port": SECURE}],
            "trust": {"caSecretRef": {"name": "issued_by"}},
            "issuer": {"traefik": issuer},
            "interval": "1s",
        }
        return SPEC.format("Certificate", "app", json.dumps(spec))

    def status(self) -> dict[str, Any]:
        found = self.operator.get(f"{GROUP_PATH}/certificates/app") or {}
        status: dict[str, Any] = found.get("status", {})
        return status

    def ready(self) -> bool:
        conditions = self.status().get("conditions", ())
        return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)

    def begin(self) -> str:
        """The first certificate; its serial."""
        self.operator.start()
        for attempt in range(1, 8):
            try:
                eventually(self.ready, within=15)
                break
            except AssertionError:
                self.route(attempt)
        eventually(self.ready)
        return str(self.status()["serial"])

    def ask(self) -> None:
        """Asks for a renewal, and says yes to it."""
        self.operator.annotate("app", "run", "force-renewal:1", plural="certificates")
        eventually(lambda: "pendingApproval" in self.status())
        plan = self.status()["pendingApproval"]["hash"]
        self.operator.annotate("app", "approve", plan, plural="certificates")

    def labels(self) -> dict[str, str]:
        found = self.swarm.service(self.name)
        assert found is not None
        return found.spec.get("Labels") or {}

    def kill_at(self, step: Step) -> None:
        """Kills the operator once the renewal has come to a step, or further."""
        later = list(Step)[list(Step).index(step) :]

        def come() -> bool:
            journal = journal_of({"Labels": self.labels()})
            return journal is not None and journal.step in later

        eventually(come, within=90, what=f"the step {step}")
        self.operator.kill()
        self.operator.start()

    def wait_for_the_end(self) -> None:
        eventually(lambda: BY not in self.labels(), within=120, what="the end of the renewal")
        eventually(self.ready, within=60, what=f"Ready: {self.status()}")

    def certificates(self) -> Any:
        return json.loads(self.storage.read_text())["le"]["Certificates"]

    def clean_up(self) -> None:
        self.operator.kill()
        self.ca.stop()
        found = self.swarm.service(self.name)
        if found is not None:
            self.swarm.remove(found.id)
        self.swarm.close()


@pytest.fixture
def ground(sandbox: Sandbox, tmp_path: Path) -> Iterator[Ground]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    ground = Ground(sandbox, tmp_path)
    yield ground
    ground.clean_up()


def test_it_shows_a_new_certificate_whenever_the_operator_is_killed(ground: Ground) -> None:
    first = ground.begin()

    ground.ask()
    ground.kill_at(Step.STOP)
    ground.wait_for_the_end()

    assert ground.status()["serial"] != first
    assert len(list(ground.folder.glob("acme.json.swarmkeeper-*"))) == 1
    assert ground.operator.ready("traefik")


def test_with_a_ca_that_is_down_it_shows_the_old_one_again(ground: Ground) -> None:
    first, before = ground.begin(), ground.certificates()
    ground.ca.stop()

    ground.ask()
    ground.kill_at(Step.START)
    ground.kill_at(Step.STOP_AGAIN)
    ground.wait_for_the_end()

    assert ground.status()["serial"] == first
    assert ground.certificates() == before
    assert ground.operator.ready("traefik")
