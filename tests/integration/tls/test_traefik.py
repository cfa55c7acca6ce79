"""A Traefik that orders its own certificates, for real, and is restarted where it should have renewed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.pebble import wait_for
from support.traefik_scene import Scene

pytestmark = pytest.mark.integration


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
    scene.approve()
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
