"""Certificates ordered at a real CA, validated for real, and taken up by a real Traefik."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.harness import HandClock, Harness
from support.pebble import Pebble, wait_for
from support.redis_server import free_port
from support.traefik import Traefik

from desired_state.objects import API_VERSION, ObjectRef
from reconcilers.registry import RECONCILERS
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.runtime.conditions import find
from swarmkeeper.runtime.ports import Clock, Ports
from swarmkeeper.store.audit import Entry
from swarmkeeper.testing import FakeHttp, FakeSwarm

pytestmark = pytest.mark.integration
REF = ObjectRef("Certificate", "app")


class Scene:
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


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    scene = Scene(tmp_path)
    try:
        scene.start()
        yield scene
    finally:
        scene.stop()


def test_a_certificate_is_ordered_validated_and_served_without_a_restart(scene: Scene) -> None:
    scene.declare()

    scene.ready()

    assert scene.renewals() == 1
    assert scene.status["issuer"].startswith("CN=Pebble Intermediate CA")
    assert scene.status["issuedThisWeek"] == 1
    keys = list(scene.published.glob("*.key"))
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600]
    key = keys[0].read_text().splitlines()[1]
    assert key not in json.dumps(scene.status)
    assert all(key not in str(record) for record in scene.engine.trail.records())


def test_a_renewal_by_hand_is_served_and_counted_and_the_fourth_is_refused(scene: Scene) -> None:
    scene.declare()
    scene.ready()
    serials = {scene.status["serial"]}
    for run in ("1", "2"):
        scene.renew(run)
        scene.look()
        scene.ready()
        serials.add(scene.status["serial"])
    assert len(serials) == 3

    scene.renew("3")
    scene.look()

    assert scene.renewals() == 3
    assert scene.status["issuedThisWeek"] == 3
    refused = [text for _, reason, text in scene.engine.events() if reason == "RunbookRefused"]
    assert refused == ["3 certificates for these names within a week, at most 3 are issued by hand"]
    assert "DidNotLast" not in {reason for _, reason, _ in scene.engine.events()}
    assert scene.engine.condition(REF, "Served") == ("True", "Served")


def test_a_ca_that_is_down_leaves_the_old_certificate_serving(scene: Scene) -> None:
    scene.declare()
    scene.ready()
    before = scene.status["serial"]
    scene.ca.stop()

    scene.engine.objects.patch(REF, {"spec": {"renewBefore": "2159h55m"}}, actor="test")
    hand = HandClock(SystemClock().now())
    hand.forward(hours=1)
    scene.clock = hand
    scene.engine = scene.operator()
    assert scene.look() == ("False", "CAUnreachable")

    assert scene.status["endpoints"][0]["serial"] == before
    assert scene.status["failedIssuanceAttempts"] == 1
    assert scene.engine.condition(REF, "Served") == ("False", "Expiring")

    scene.start_ca()  # one that has forgotten our account
    hand.forward(minutes=10)
    scene.engine.run(REF)

    assert scene.renewals() == 2


def test_a_name_that_leads_elsewhere_is_told_and_not_asked_for_again_at_once(scene: Scene) -> None:
    scene.ca.lead("app.test", "127.0.0.9")
    scene.declare()

    assert scene.look() == ("False", "ChallengeFailed")
    assert scene.look() == ("False", "ChallengeFailed")

    assert scene.status["failedIssuanceAttempts"] == 1
    issuing = find(scene.status["conditions"], "Issuing")
    assert issuing is not None
    assert "app.test" in issuing["message"]
    assert not list(scene.published.glob("default.app*"))


def test_another_operator_remembers_what_was_ordered(scene: Scene) -> None:
    scene.declare(certificatesPerWeek=1)
    scene.ready()
    (scene.folder / "data" / "acme" / "ledger.jsonl").unlink()
    for path in scene.published.glob("default.app*"):
        path.unlink()
    scene.engine = scene.operator()

    assert scene.look()[0] != "True"
    assert scene.engine.condition(REF, "Issuing") == ("False", "RateLimited")
    assert scene.renewals() == 1


def test_a_star_is_ordered_by_a_hook_in_dns(scene: Scene) -> None:
    scene.ca.write_hook(scene.folder / "data" / "acme" / "hooks" / "dns")
    scene.declare("*.app.test", dns01={"hook": "dns"})

    scene.ready()

    assert scene.renewals() == 1


def test_a_hook_that_fails_is_told(scene: Scene) -> None:
    scene.declare("*.app.test", dns01={"hook": "none"})

    assert scene.look() == ("False", "HookFailed")
