"""Certificate in the engine, on a real TLS server: watched, published, held by windows or not."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from support.harness import HandClock, Harness
from support.tls import DAY, Authority, Pair, TlsServer

from desired_state.objects import API_VERSION, ObjectRef
from reconcilers.registry import RECONCILERS
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.store.audit import Entry
from swarmkeeper.testing import FakeHttp, FakeSwarm

pytestmark = pytest.mark.integration
REF = ObjectRef("Certificate", "app")
NIGHT = {"kind": "allow", "schedule": "0 3 * * *", "duration": "2h"}
FILES = {
    "issuer": {
        "files": {
            "certificateSecretRef": {"name": "pair", "key": "tls.crt"},
            "keySecretRef": {"name": "pair", "key": "tls.key"},
        }
    },
    "publish": {},
}


class Scene:
    """A certificate that is declared, and what the engine makes of it."""

    def __init__(self, server: TlsServer, secrets: Path, published: Path) -> None:
        self.server, self.secrets, self.published = server, secrets, published
        noon = datetime.now(UTC).replace(hour=12, minute=0)
        self.clock = HandClock(noon)
        folder, data = SecretFolder(secrets, lambda _: None), published.parent / "data"
        port = in_data_folder(folder, data, published, self.clock, ("127.0.0.1", 0))
        ports = Ports(FakeSwarm(), FakeHttp(), self.clock, certificates=port)
        self.engine = Harness(reconcilers=RECONCILERS, ports=ports, clock=self.clock)

    def declare(self, **spec: Any) -> None:
        endpoint = {"host": "127.0.0.1", "port": self.server.port}
        trust = {"caSecretRef": {"name": "ca"}}
        body = {"dnsNames": ["app.test"], "endpoints": [endpoint], "trust": trust, **spec}
        document = {"apiVersion": API_VERSION, "kind": "Certificate", "spec": body}
        self.engine.objects.create({**document, "metadata": {"name": "app"}}, actor="test")

    def bring(self, pair: Pair) -> None:
        folder = self.secrets / "pair"
        folder.mkdir(exist_ok=True)
        (folder / "tls.crt").write_bytes(pair.chain)
        (folder / "tls.key").write_bytes(pair.key)

    def take_up(self) -> None:
        """As a server does that watches the folder."""
        (named,) = yaml.safe_load((self.published / "default.app.yml").read_text())["tls"][
            "certificates"
        ]
        chain, key = Path(named["certFile"]).read_bytes(), Path(named["keyFile"]).read_bytes()
        self.server.show(Pair(x509.load_pem_x509_certificate(chain), chain, key))

    def look(self) -> tuple[str, str]:
        self.engine.run(REF)
        found = self.engine.condition(REF, "Ready")
        assert found is not None
        return found

    def outcomes(self) -> list[str]:
        ended = (one for one in self.engine.trail.records() if one.entry is Entry.SUCCEEDED)
        return [one.step.runbook for one in ended]


@pytest.fixture
def scene(server: TlsServer, secrets: Path, tmp_path: Path) -> Scene:
    return Scene(server, secrets, tmp_path / "published")


def test_a_certificate_that_is_well_is_ready(scene: Scene) -> None:
    scene.declare()

    assert scene.look() == ("True", "ReconciliationSucceeded")
    text = scene.engine.deps.metrics.render().decode()
    assert (
        'swarmkeeper_certificate_ready_status{condition="True",name="app",namespace="default"} 1.0'
    ) in text
    assert "swarmkeeper_certificate_renewal_timestamp_seconds" in text


def test_a_server_that_is_gone_is_not_ready(scene: Scene) -> None:
    scene.declare()
    scene.server.stop()

    assert scene.look()[0] != "True"
    assert scene.engine.condition(REF, "Served") == ("Unknown", "EndpointUnreachable")


def test_a_certificate_ends_while_nothing_else_happens(scene: Scene) -> None:
    scene.declare()
    assert scene.look()[0] == "True"

    scene.clock.forward(days=61)
    assert scene.look() == ("False", "Expiring")
    scene.clock.forward(days=30)
    assert scene.look() == ("False", "Expired")


def test_a_certificate_that_is_brought_is_published_and_taken_up(
    scene: Scene, authority: Authority
) -> None:
    new = authority.issue("app.test", now=scene.clock.now())
    scene.bring(new)
    scene.declare(**FILES)

    assert scene.look()[0] == "Unknown"  # published, not shown yet
    scene.take_up()

    assert scene.look() == ("True", "ReconciliationSucceeded")
    assert scene.engine.objects.get(REF)["status"]["serial"] == new.serial  # type: ignore[index]
    assert scene.outcomes() == ["publish"]


def test_a_half_written_pair_changes_nothing_and_is_told(
    scene: Scene, authority: Authority
) -> None:
    scene.bring(authority.issue("app.test"))
    scene.declare(**FILES)
    scene.look()
    scene.take_up()
    before = sorted(path.name for path in scene.published.iterdir())

    chain = authority.issue("app.test").chain
    (scene.secrets / "pair" / "tls.crt").write_bytes(chain)

    assert scene.look() == ("False", "InvalidKeyPair")
    assert sorted(path.name for path in scene.published.iterdir()) == before
    assert scene.engine.condition(REF, "Served") == ("True", "Served")


def test_a_new_one_waits_for_its_window_but_not_beyond_the_end(
    scene: Scene, authority: Authority
) -> None:
    soon = 80 * DAY
    scene.bring(authority.issue("app.test", ends=soon, now=scene.clock.now()))
    scene.declare(**FILES, windows=[NIGHT])
    scene.look()
    scene.clock.forward(hours=15, minutes=10)  # into the night
    scene.look()
    assert scene.outcomes() == ["publish"]
    scene.take_up()

    scene.clock.forward(hours=6)
    scene.bring(authority.issue("app.test", ends=90 * DAY, now=scene.clock.now()))
    scene.look()
    assert scene.outcomes() == ["publish"]

    scene.clock.time += soon - timedelta(hours=30)
    scene.look()

    assert scene.outcomes() == ["publish", "publish"]


def test_no_key_is_told_to_anyone(scene: Scene, authority: Authority) -> None:
    pair = authority.issue("app.test")
    scene.bring(pair)
    shutil.copy(scene.secrets / "pair" / "tls.key", scene.secrets / "pair" / "tls.crt")
    scene.declare(**FILES)
    scene.look()

    line = pair.key.splitlines()[1].decode()
    assert line not in str(scene.engine.objects.get(REF))
    assert line not in str(scene.engine.trail.records())
