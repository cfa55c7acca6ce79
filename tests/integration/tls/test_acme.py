"""Certificates ordered at a real CA, validated for real, and taken up by a real Traefik."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.acme_scene import REF, AcmeScene
from support.harness import HandClock

from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.runtime.conditions import find

pytestmark = pytest.mark.integration


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[AcmeScene]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    scene = AcmeScene(tmp_path)
    try:
        scene.start()
        yield scene
    finally:
        scene.stop()


def test_a_certificate_is_ordered_validated_and_served_without_a_restart(scene: AcmeScene) -> None:
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


def test_a_renewal_by_hand_is_served_and_counted_and_the_fourth_is_refused(
    scene: AcmeScene,
) -> None:
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


def test_a_ca_that_is_down_leaves_the_old_certificate_serving(scene: AcmeScene) -> None:
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


def test_a_name_that_leads_elsewhere_is_told_and_not_asked_for_again_at_once(
    scene: AcmeScene,
) -> None:
    scene.ca.lead("app.test", "127.0.0.9")
    scene.declare()

    assert scene.look() == ("False", "ChallengeFailed")
    assert scene.look() == ("False", "ChallengeFailed")

    assert scene.status["failedIssuanceAttempts"] == 1
    issuing = find(scene.status["conditions"], "Issuing")
    assert issuing is not None
    assert "app.test" in issuing["message"]
    assert not list(scene.published.glob("default.app*"))


def test_another_operator_remembers_what_was_ordered(scene: AcmeScene) -> None:
    scene.declare(certificatesPerWeek=1)
    scene.ready()
    (scene.folder / "data" / "acme" / "ledger.jsonl").unlink()
    for path in scene.published.glob("default.app*"):
        path.unlink()
    scene.engine = scene.operator()

    assert scene.look()[0] != "True"
    assert scene.engine.condition(REF, "Issuing") == ("False", "RateLimited")
    assert scene.renewals() == 1


def test_a_star_is_ordered_by_a_hook_in_dns(scene: AcmeScene) -> None:
    scene.ca.write_hook(scene.folder / "data" / "acme" / "hooks" / "dns")
    scene.declare("*.app.test", dns01={"hook": "dns"})

    scene.ready()

    assert scene.renewals() == 1


def test_a_hook_that_fails_is_told(scene: AcmeScene) -> None:
    scene.declare("*.app.test", dns01={"hook": "none"})

    assert scene.look() == ("False", "HookFailed")
