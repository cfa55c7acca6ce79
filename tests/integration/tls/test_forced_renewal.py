"""Traefik is made to renew long before its own time, for real: at a CA that issues, and one that is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.pebble import wait_for
from support.traefik_scene import REF, Scene

pytestmark = pytest.mark.integration
NINETY_DAYS = 90 * 86400
STORAGE = {"path": "acme.json", "resolver": "le"}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    scene = Scene(tmp_path, NINETY_DAYS)
    try:
        yield scene
    finally:
        scene.traefik.stop()
        scene.ca.stop()


def begin(scene: Scene, percentage: int = 99) -> str:
    """A certificate that is due to the object and not to Traefik; its serial."""
    scene.start_ca()
    scene.traefik.start()
    server = scene.ca.url
    scene.declare(percentage, storage=STORAGE, server=server, issuanceTimeout="20s")
    scene.wait_for_the_first()
    wait_for(lambda: scene.look()[0] != "Unknown", "the service is not looked at")
    return scene.serial


def stored(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(scene.storage.read_text())["le"]
    return found


def go_on(scene: Scene) -> bool:
    """Whether a renewal has ended, seen from the service."""
    scene.look()
    return "swarmkeeper.dev/renewal" not in scene.swarm.spec["Labels"]


def test_traefik_renews_before_its_time_with_approval(scene: Scene) -> None:
    first = begin(scene)
    scene.clock.forward(days=2)

    assert scene.look() == ("False", "ApprovalRequired")
    before, account = scene.storage.read_bytes(), stored(scene)["Account"]
    scene.approve()
    scene.look()
    assert scene.swarm.replicas == 0
    wait_for(lambda: go_on(scene), "it does not end")
    scene.clock.time = datetime.now(UTC)  # as at the CA

    assert scene.look() == ("True", "ReconciliationSucceeded")
    assert scene.serial != first
    assert (scene.swarm.replicas, scene.swarm.stops) == (1, 1)
    assert stored(scene)["Account"] == account
    assert scene.storage.stat().st_mode & 0o777 == 0o600
    assert [one.read_bytes() for one in copies(scene)] == [before]
    assert "swarmkeeper.dev/held-by" not in scene.swarm.spec["Labels"]
    entries = [str(one.entry) for one in scene.engine.records()]
    assert entries[:3] == ["Intended", "Approved", "Succeeded"]


def copies(scene: Scene) -> list[Path]:
    return sorted(scene.storage.parent.glob("acme.json.swarmkeeper-*"))


def test_where_the_ca_is_down_the_old_certificate_is_put_back(scene: Scene) -> None:
    first = begin(scene)
    scene.clock.forward(days=2)
    scene.look()
    before = stored(scene)
    scene.approve()
    scene.look()
    scene.ca.stop()
    wait_for(lambda: go_on(scene) or scene.swarm.replicas == 1, "Traefik is not started")
    scene.clock.forward(seconds=21)
    wait_for(lambda: go_on(scene), "it does not end")
    scene.look()

    assert scene.serial == first
    assert stored(scene)["Certificates"] == before["Certificates"]
    assert scene.swarm.stops == 2
    status = scene.engine.status(REF)
    assert status["failedIssuanceAttempts"] == 1
    assert scene.engine.condition(REF, "Issuing") == ("False", "NotRenewed")

    scene.clock.forward(minutes=59)
    scene.look()
    assert scene.swarm.stops == 2  # it waits before it tries again


def test_a_renewal_by_hand_goes_through_approval_and_is_done_once(scene: Scene) -> None:
    first = begin(scene, 33)
    run = {"metadata": {"annotations": {"swarmkeeper.dev/run": "force-renewal:1"}}}
    scene.engine.objects.patch(REF, run, actor="test")

    scene.look()
    assert scene.swarm.stops == 0
    scene.approve()
    scene.look()
    wait_for(lambda: go_on(scene), "it does not end")
    scene.clock.time = datetime.now(UTC)  # as at the CA
    for _ in range(3):
        scene.look()

    assert scene.serial != first
    assert scene.swarm.stops == 1
    assert scene.engine.condition(REF, "Ready") == ("True", "ReconciliationSucceeded")
