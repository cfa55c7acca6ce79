"""What the metrics tell: of each object, of drift, and of the time until all is well."""

from __future__ import annotations

from typing import Any

import pytest
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.controller.inventory import Inventory
from swarmkeeper.runtime.errors import Retry

REF = ObjectRef("Gauge", "a")
NAME = {"kind": "Gauge", "namespace": "default", "name": "a"}


def told(engine: Harness, ref: ObjectRef = REF) -> None:
    """What the watch does: it tells of the object as it is now."""
    engine.deps.metrics.inventory.note(ref, engine.stored(ref))


def value(engine: Harness, series: str, **labels: str) -> float | None:
    return engine.deps.metrics.registry.get_sample_value(series, labels)


def info(engine: Harness, **labels: str) -> float | None:
    usual = {"ready": "True", "suspended": "false", "revision": ""}
    return value(engine, "swarmkeeper_resource_info", **{**NAME, **usual, **labels})


def test_each_object_is_told_with_its_readiness() -> None:
    engine = Harness()
    ref = engine.declare(value=3, annotations={"swarmkeeper.dev/revision": "main@sha1:abc"})

    told(engine)
    assert info(engine, ready="Unknown", revision="main@sha1:abc") == 1
    engine.run(ref)
    told(engine)

    assert info(engine, revision="main@sha1:abc") == 1
    assert info(engine, ready="Unknown", revision="main@sha1:abc") is None


def test_a_new_generation_is_not_ready_before_it_was_looked_at() -> None:
    engine = Harness()
    ref = engine.declare(value=3)
    engine.run(ref)
    engine.change(ref, value=4)

    told(engine)

    assert info(engine, ready="Unknown") == 1


def test_a_suspended_object_is_told_as_such() -> None:
    engine = Harness()
    ref = engine.declare(value=3, suspend=True)
    engine.run(ref)

    told(engine)

    assert info(engine, ready="Unknown", suspended="true") == 1


def test_an_object_that_is_gone_has_no_series() -> None:
    engine = Harness()
    ref = engine.declare(value=3)
    engine.run(ref)
    told(engine)

    engine.deps.metrics.inventory.forget(ref)

    assert b'name="a"' not in engine.deps.metrics.render()


def test_drift_is_as_old_as_its_first_sight_and_gone_once_in_sync() -> None:
    engine = Harness()
    ref = engine.declare(value=3, mode="Warn")
    engine.run(ref)
    first = engine.status(ref)["driftSince"]
    engine.clock.forward(seconds=90)
    engine.run(ref)

    inventory = Inventory(now=engine.clock.time.timestamp)
    inventory.note(ref, engine.stored(ref))
    _, drift = inventory.collect()
    assert engine.status(ref)["driftSince"] == first
    assert [(s.labels, s.value) for s in drift.samples] == [(NAME, 90)]

    engine.world.values["a"] = 3
    engine.run(ref)
    told(engine)
    assert "driftSince" not in engine.status(ref)
    assert value(engine, "swarmkeeper_drift_seconds", **NAME) is None


def test_drift_that_can_no_longer_be_seen_has_not_ended() -> None:
    engine = Harness()
    ref = engine.declare(value=3, mode="Warn")
    engine.run(ref)
    first = engine.status(ref)["driftSince"]

    engine.clock.forward(seconds=90)
    engine.world.unreadable = "no answer"
    engine.run(ref)

    assert engine.status(ref)["driftSince"] == first


def test_an_object_in_sync_that_can_no_longer_be_read_is_not_said_to_drift() -> None:
    engine = Harness()
    ref = engine.declare(value=3)
    engine.run(ref)

    engine.world.unreadable = "no answer"
    engine.run(ref)

    assert "driftSince" not in engine.status(ref)


def converged(engine: Harness) -> float:
    return value(engine, "swarmkeeper_convergence_seconds_count", kind="Gauge") or 0


def longest(engine: Harness) -> float:
    return value(engine, "swarmkeeper_convergence_seconds_sum", kind="Gauge") or 0


def test_a_change_and_a_drift_count_once_each_when_they_are_ready() -> None:
    engine = Harness()
    ref = engine.declare(value=3)
    engine.run(ref)
    assert converged(engine) == 1

    engine.run(ref)
    assert converged(engine) == 1
    engine.world.values["a"] = 9
    engine.run(ref)

    assert converged(engine) == 2


def test_the_way_to_ready_spans_the_passes_that_failed() -> None:
    engine = Harness()
    ref = engine.declare(value=3)

    def fail() -> None:
        raise Retry("not now")

    engine.world.before_write = fail
    engine.run(ref)
    engine.run(ref)
    assert converged(engine) == 0
    engine.world.before_write = lambda: None
    engine.run(ref)

    assert converged(engine) == 1


def test_a_restart_does_not_shorten_the_way(tmp_path: Any) -> None:
    engine = Harness(tmp_path / "state.db")
    ref = engine.declare(value=3, mode="Warn")
    engine.run(ref)
    engine.clock.forward(seconds=120)

    again = Harness(tmp_path / "state.db", world=engine.world, clock=engine.clock)
    again.world.values["a"] = 3
    again.run(ref)

    assert converged(again) == 1
    assert longest(again) >= 120


@pytest.mark.parametrize("left", ["suspend", "mode"])
def test_an_object_that_is_left_alone_is_on_no_way(left: str) -> None:
    engine = Harness()
    spec = {"suspend": True} if left == "suspend" else {"mode": "Off"}
    ref = engine.declare(value=3, **spec)

    engine.run(ref)

    assert converged(engine) == 0
    assert "driftSince" not in engine.status(ref)


def test_counters_of_passes_begin_at_zero() -> None:
    engine = Harness()

    engine.deps.metrics.begin_at_zero(["Gauge"])

    labels = {"controller": "Gauge", "result": "error"}
    assert value(engine, "controller_runtime_reconcile_total", **labels) == 0
