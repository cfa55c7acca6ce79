"""A run whose runbook others notice has succeeded once they are well, by a look that came after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.controller.runs.health import POLL

OTHER = ObjectRef("Gauge", "other")
CHECKS = [{"kind": "Gauge", "name": "other"}]


class Scene:
    """A gauge that another one must be well after, and a run on it."""

    def __init__(self, **spec: Any) -> None:
        self.engine = Harness()
        self.target = self.engine.declare(value=3, healthChecks=CHECKS)
        self.engine.declare("other", value=1, **spec)
        self.turns(self.target, OTHER)
        self.engine.clock.forward(minutes=5)

    def replace(self) -> None:
        self.run = self.engine.ask("replace", self.target)
        self.turns(self.run, self.target)

    def turns(self, *refs: ObjectRef) -> None:
        for _ in range(3):
            for ref in refs:
                self.engine.run(ref)

    def found(self) -> tuple[str, str, str]:
        status = self.engine.status(self.run)
        (succeeded,) = (c for c in status["conditions"] if c["type"] == "Succeeded")
        return status["phase"], succeeded["reason"], status["message"]


def test_what_was_ready_before_does_not_count_before_it_was_looked_at_again() -> None:
    scene = Scene()
    scene.replace()
    phase, reason, message = scene.found()
    assert (phase, reason) == ("Running", "HealthChecksPending")
    assert "waits until all is well after it: Gauge/other is Ready, and must stay so" in message
    assert message.endswith("If it stays so: `set` it again")
    assert scene.engine.run(scene.run).after == POLL

    scene.engine.clock.forward(seconds=10)
    scene.turns(scene.target)
    assert scene.found()[0] == "Running"

    scene.turns(OTHER)
    scene.turns(scene.target)
    assert scene.found() == (
        "Succeeded",
        "Succeeded",
        "set to 3; value is 3; Ready after it: Gauge/other",
    )


def test_a_run_begins_to_look_at_once_when_its_step_was_taken() -> None:
    """Its own pass may have come while the step was under way: it would not look again for long."""
    scene = Scene()
    run = scene.engine.ask("replace", scene.target)
    scene.turns(run)
    scene.engine.woken.clear()

    while run not in scene.engine.woken:
        assert scene.engine.status(run)["phase"] != "Succeeded"
        scene.engine.run(scene.target)
    scene.engine.woken.clear()
    scene.turns(scene.target)

    assert scene.engine.status(run)["phase"] == "Running"
    assert run not in scene.engine.woken  # else both would wake each other for ever


def test_what_does_not_become_well_is_named_with_its_own_reason_and_the_way_back() -> None:
    scene = Scene()
    scene.replace()
    scene.engine.world.unreadable = "no route to the gauge"
    scene.turns(OTHER)
    scene.engine.world.unreadable = ""

    scene.turns(scene.target)
    assert scene.found()[0] == "Running"
    assert "is not Ready" in scene.found()[2]
    assert "no route to the gauge" in scene.found()[2]
    scene.engine.clock.forward(minutes=5, seconds=1)
    scene.turns(scene.target)

    phase, reason, message = scene.found()
    assert (phase, reason) == ("Failed", "HealthCheckFailed")
    assert "not well 5m after it: Gauge/other is not Ready (ObservationFailed)" in message
    assert "no route to the gauge" in message
    assert message.endswith("Way back: `set` it again")
    assert [record.step.runbook for record in scene.engine.records()][-1] == "replace"


def test_what_became_bad_meanwhile_must_be_well_for_as_long_again() -> None:
    scene = Scene()
    scene.replace()
    scene.engine.clock.forward(seconds=9)
    scene.engine.world.unreadable = "gone"
    scene.turns(OTHER)
    scene.engine.world.unreadable = ""
    scene.engine.clock.forward(seconds=5)
    scene.turns(OTHER, scene.target)
    assert scene.found()[0] == "Running"

    scene.engine.clock.forward(seconds=9)
    scene.turns(OTHER, scene.target)
    assert scene.found()[0] == "Running"

    scene.engine.clock.forward(seconds=1)
    scene.turns(scene.target, OTHER, scene.target)
    assert scene.found()[0] == "Succeeded"


def test_what_is_not_ready_is_looked_at_again_and_again() -> None:
    scene = Scene(interval="1h")
    scene.replace()
    scene.engine.world.unreadable = "gone"
    scene.turns(OTHER)
    scene.engine.world.unreadable = ""

    def asked() -> str:
        annotations = scene.engine.stored(OTHER)["metadata"]["annotations"]
        return str(annotations["swarmkeeper.dev/requested-at"])

    scene.turns(scene.target)
    first = asked()
    scene.turns(scene.target)
    assert asked() == first

    scene.engine.clock.forward(seconds=10)
    scene.turns(scene.target)
    assert asked() > first


@pytest.mark.parametrize(
    ("spec", "told"),
    [({"suspend": True}, "is not Ready (Suspended)"), ({"mode": "Off"}, "is not Ready (ModeOff)")],
)
def test_what_nobody_looks_at_is_not_taken_for_well(spec: dict[str, object], told: str) -> None:
    scene = Scene(**spec)
    scene.replace()
    for _ in range(4):
        scene.engine.clock.forward(minutes=2)
        scene.turns(OTHER, scene.target)

    assert scene.found()[:2] == ("Failed", "HealthCheckFailed")
    assert told in scene.found()[2]


def test_a_kind_that_does_not_exist_is_told() -> None:
    scene = Scene()
    scene.engine.change(scene.target, healthChecks=[{"kind": "Gage", "name": "other"}])
    scene.replace()

    assert "Gage/other can't be looked at" in scene.found()[2]


def test_an_object_that_does_not_exist_is_not_well() -> None:
    scene = Scene()
    scene.engine.objects.delete(OTHER, actor="test")
    scene.turns(OTHER)
    scene.replace()

    assert "Gauge/other does not exist" in scene.found()[2]
    scene.engine.clock.forward(minutes=6)
    scene.turns(scene.target)
    assert scene.found()[:2] == ("Failed", "HealthCheckFailed")


@pytest.mark.parametrize("value", ["soon", "1764000000", "2026-01-01", "2999-01-01T00:00:00+00:00"])
def test_what_people_write_there_proves_nothing(value: str) -> None:
    scene = Scene()
    annotation = {"metadata": {"annotations": {"swarmkeeper.dev/requested-at": value}}}
    scene.engine.objects.patch(OTHER, annotation, actor="test")
    scene.turns(OTHER)
    scene.replace()
    scene.engine.clock.forward(seconds=timedelta(minutes=1).total_seconds())
    scene.turns(scene.target)
    assert scene.found()[0] == "Running"

    scene.turns(OTHER, scene.target)
    assert scene.found()[0] == "Succeeded"
