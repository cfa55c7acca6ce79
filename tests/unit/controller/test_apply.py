"""A snapshot in force: objects come, change and go with the source, and nothing goes by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from support.harness import Harness
from support.toy import GaugeSpec

from desired_state.objects import DeclaredObject, Metadata, ObjectRef, Origin
from desired_state.problems import Problem
from desired_state.snapshot import Snapshot
from swarmkeeper.controller.apply import Applied, Applier


@pytest.fixture
def engine() -> Harness:
    return Harness()


def gauge(
    name: str, value: int, *, line: int = 1, sha: str = "a" * 40, **more: Any
) -> DeclaredObject:
    spec = {"value": value}
    return DeclaredObject(
        ref=ObjectRef("Gauge", name),
        metadata=Metadata(name=name, labels={"tier": "x"}),
        spec=spec,
        model=GaugeSpec.model_validate(spec),
        origin=Origin("gauges.yaml", line, f"main@sha1:{sha}"),
        **more,
    )


def snapshot(*objects: DeclaredObject, **more: Any) -> Snapshot:
    return Snapshot("main@sha1:x", {declared.ref: declared for declared in objects}, **more)


def apply(engine: Harness, snap: Snapshot, **options: bool) -> Applied:
    settings = {"prune": True, "allow_empty": False, **options}
    return Applier(engine.objects, engine.scheme, "main").apply(snap, **settings)


def names(engine: Harness) -> list[str]:
    return [obj["metadata"]["name"] for obj in engine.objects.list("Gauge")]


def test_objects_are_created_with_their_origin_and_finalizer(engine: Harness) -> None:
    applied = apply(engine, snapshot(gauge("a", 1, line=12)))

    (metadata,) = [obj["metadata"] for obj in engine.objects.list("Gauge")]
    assert applied.created == (ObjectRef("Gauge", "a"),)
    assert metadata["annotations"]["swarmkeeper.dev/origin"] == "gauges.yaml:12@aaaaaaa"
    assert metadata["labels"] == {"tier": "x", "swarmkeeper.dev/source": "main"}
    assert metadata["finalizers"] == ["swarmkeeper.dev/finalizer"]


def test_a_commit_that_changes_nothing_here_writes_nothing(engine: Harness) -> None:
    apply(engine, snapshot(gauge("a", 1)))
    before = engine.objects.list("Gauge")

    applied = apply(engine, snapshot(gauge("a", 1, sha="b" * 40)))

    assert applied.touched == ()
    assert engine.objects.list("Gauge") == before


def test_a_changed_spec_is_a_new_generation_and_keeps_notes_of_others(engine: Harness) -> None:
    apply(engine, snapshot(gauge("a", 1)))
    ref = ObjectRef("Gauge", "a")
    note = {"metadata": {"annotations": {"swarmkeeper.dev/requested-at": "now"}}}
    engine.objects.patch(ref, note, actor="test")

    applied = apply(engine, snapshot(gauge("a", 2)))

    stored = engine.stored(ref)
    assert applied.changed == (ref,)
    assert stored["spec"] == {"value": 2}
    assert stored["metadata"]["generation"] == 2
    assert stored["metadata"]["annotations"]["swarmkeeper.dev/requested-at"] == "now"


def test_what_is_no_longer_declared_is_deleted(engine: Harness) -> None:
    apply(engine, snapshot(gauge("a", 1), gauge("b", 2)))

    applied = apply(engine, snapshot(gauge("a", 1)))

    assert applied.deleted == (ObjectRef("Gauge", "b"),)
    assert "deletionTimestamp" in engine.stored(ObjectRef("Gauge", "b"))["metadata"]


@pytest.mark.parametrize(
    ("later", "options", "why"),
    [
        (snapshot(), {}, "declares nothing at all"),
        (snapshot(gauge("a", 1)), {"prune": False}, "spec.prune is false"),
        (snapshot(gauge("a", 1), unreadable=("gauges.yaml",)), {}, "not certain"),
        (snapshot(gauge("a", 1), broken=frozenset({ObjectRef("Gauge", "b")})), {}, "not certain"),
    ],
    ids=["empty", "no-prune", "unreadable", "broken"],
)
def test_nothing_is_removed_that_nobody_asked_to_remove(
    engine: Harness, later: Snapshot, options: dict[str, bool], why: str
) -> None:
    apply(engine, snapshot(gauge("a", 1), gauge("b", 2)))

    applied = apply(engine, later, **options)

    assert applied.deleted == ()
    assert all(why in reason for _, reason in applied.held)
    assert names(engine) == ["a", "b"]


def test_an_empty_source_may_remove_all_if_that_is_allowed(engine: Harness) -> None:
    apply(engine, snapshot(gauge("a", 1)))

    applied = apply(engine, snapshot(), allow_empty=True)

    assert applied.deleted == (ObjectRef("Gauge", "a"),)


def test_objects_of_others_are_never_pruned(engine: Harness) -> None:
    engine.declare("mine", value=1)

    applied = apply(engine, snapshot(gauge("a", 1)))

    assert (applied.deleted, applied.held) == ((), ())
    assert names(engine) == ["a", "mine"]


def test_a_stale_object_carries_the_refusal_until_it_is_mended(engine: Harness) -> None:
    ref = ObjectRef("Gauge", "a")
    apply(engine, snapshot(gauge("a", 1)))
    problem = Problem("gauges.yaml", 3, ref, "spec.value", "must be a number")

    apply(engine, snapshot(gauge("a", 1, stale=True), problems=(problem,), broken=frozenset({ref})))
    annotations = engine.stored(ref)["metadata"]["annotations"]
    assert annotations["swarmkeeper.dev/refused"].startswith("gauges.yaml:3: Gauge/a: spec.value:")

    apply(engine, snapshot(gauge("a", 1)))
    assert "swarmkeeper.dev/refused" not in engine.stored(ref)["metadata"]["annotations"]


def test_a_broken_object_is_marked_even_without_a_good_version_at_hand(engine: Harness) -> None:
    ref = ObjectRef("Gauge", "a")
    apply(engine, snapshot(gauge("a", 1)))
    problem = Problem("gauges.yaml", 3, ref, "spec.value", "must be a number")

    applied = apply(engine, snapshot(problems=(problem,), broken=frozenset({ref})))

    assert applied.changed == (ref,)
    assert (
        "gauges.yaml:3" in engine.stored(ref)["metadata"]["annotations"]["swarmkeeper.dev/refused"]
    )
