"""A CA that suggests when to renew (ARI, RFC 9773): a real Pebble behind a front that does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.acme_scene import REF, AcmeScene
from support.ari_front import WHY, AriFront
from support.harness import HandClock

from swarmkeeper.adapters.clock import SystemClock

pytestmark = pytest.mark.integration
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


class Scene(AcmeScene):
    """The scene whose CA suggests."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock = self.hand = HandClock(SystemClock().now() + timedelta(minutes=2))
        self.front = AriFront(self.ca, folder)

    def begin(self, **acme: Any) -> None:
        """Declares the certificate, and waits until it is served."""
        self.declare(server=self.front.url, **acme)
        self.ready()

    def shown(self) -> str:
        return str(self.status["serial"])

    def reasons(self) -> str:
        return str([text for _, _, text in self.engine.events()])

    def stop(self) -> None:
        self.front.stop()
        super().stop()


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


def test_a_suggestion_brings_the_renewal_forward_and_is_asked_for_once(scene: Scene) -> None:
    scene.begin()
    start, end = scene.front.window or pytest.fail("no window")

    scene.look()
    scene.engine = scene.operator()
    scene.look()

    assert start <= datetime.fromisoformat(scene.status["renewalTime"]) <= end
    assert scene.status["renewalInfo"]["explanationURL"] == WHY
    assert len(scene.front.asked) == 1
    assert scene.renewals() == 1


def test_what_is_due_by_suggestion_is_renewed_and_the_ca_is_told_what_it_replaces(
    scene: Scene,
) -> None:
    scene.begin(certificatesPerWeek=1)
    first, wanted = scene.shown(), scene.front.asked[0]
    now = scene.clock.now()
    scene.front.windows[wanted] = now - DAY, now + DAY / 3
    scene.hand.forward(hours=7)  # it may be asked again
    scene.engine.run(REF)
    if scene.renewals() == 1:
        scene.hand.time = datetime.fromisoformat(scene.status["renewalTime"]) + SECOND
    scene.ready()

    assert scene.renewals() == 2
    assert scene.shown() != first
    assert scene.front.replaced == ["", wanted]
    assert "ARIRenewal: the CA suggests to renew it between" in scene.reasons()
    assert WHY in scene.reasons()


def test_a_ca_that_always_says_now_gets_no_order_after_the_other(scene: Scene) -> None:
    scene.front.suggest(-2 * DAY, -DAY)
    scene.declare(server=scene.front.url)
    for _ in range(8):
        scene.hand.forward(seconds=10)
        scene.look()

    assert scene.renewals() == 3
    assert scene.status["issuedThisWeek"] == 3


def test_a_ca_that_gives_no_suggestion_is_told_and_delays_nothing(scene: Scene) -> None:
    scene.front.window = None
    scene.begin()
    assert scene.status["renewalInfo"]["reason"] == "ARIError"
    scene.look()
    assert len(scene.front.asked) == 1

    scene.hand.forward(days=61)
    scene.look()

    assert scene.renewals() == 2


def test_a_late_suggestion_delays_nothing(scene: Scene) -> None:
    scene.front.suggest(80 * DAY, 85 * DAY)
    scene.begin()

    ends = datetime.fromisoformat(scene.status["notAfter"])
    assert ends - datetime.fromisoformat(scene.status["renewalTime"]) == timedelta(
        seconds=round((90 * DAY).total_seconds() / 3)
    )


def test_a_ca_that_knows_a_successor_already_is_asked_once_more_without(scene: Scene) -> None:
    scene.begin()
    scene.front.reject = set(scene.front.asked)
    scene.hand.forward(days=61)
    assert scene.look() == ("False", "AlreadyReplaced")

    scene.hand.forward(minutes=1)
    scene.look()

    assert scene.renewals() == 2
    assert scene.front.replaced == ["", scene.front.asked[0], ""]
    assert scene.engine.objects.get(REF) is not None
