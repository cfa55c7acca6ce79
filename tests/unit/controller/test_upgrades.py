"""Upgrades: with `upgradePolicy: Approved` a changed spec waits, and the last approved one is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.harness import HandClock, Harness
from support.toy import GaugeSpec

from desired_state.objects import API_VERSION, DeclaredObject, Metadata, ObjectRef, Origin
from reconcilers.registry import RECONCILERS
from swarmkeeper.controller.passes import Passes
from swarmkeeper.controller.upgrades import same_in_both, version_hash
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.store.lease import LeaseLost
from swarmkeeper.testing.http import FakeHttp
from swarmkeeper.testing.swarm import FakeSwarm

APPROVE = "swarmkeeper.dev/approve"
FINALIZER = "swarmkeeper.dev/finalizer"


def pending(engine: Harness, ref: ObjectRef) -> str:
    return str(engine.status(ref).get("pendingApproval", {}).get("hash", ""))


def approve(engine: Harness, ref: ObjectRef, hash_: str = "") -> None:
    notes = {APPROVE: hash_ or pending(engine, ref)}
    engine.objects.patch(ref, {"metadata": {"annotations": notes}}, actor="ann")
    engine.run(ref)


def approved(engine: Harness, **spec: Any) -> ObjectRef:
    """A gauge whose first version, by default with the value 3, is approved and in force."""
    ref = engine.declare(**{"value": 3, "upgradePolicy": "Approved", **spec})
    engine.run(ref)
    approve(engine, ref)
    return ref


def reasons(engine: Harness) -> list[str]:
    return [reason for _, reason, _ in engine.events()]


def remembered(engine: Harness, uid: str) -> Any:
    return engine.deps.memory.get(f"approved/{uid}")


def test_a_new_object_is_looked_at_and_nothing_is_done_before_approval() -> None:
    engine = Harness()
    ref = engine.declare(value=3, upgradePolicy="Approved")

    engine.run(ref)
    engine.run(ref)

    assert engine.world.writes == []
    assert engine.condition(ref, "Ready") == ("False", "ApprovalRequired")
    assert engine.condition(ref, "ApprovalRequired") == ("True", "PlanPending")
    assert engine.status(ref)["drift"][0]["path"] == "spec.value"
    assert reasons(engine).count("ApprovalRequired") == 1
    approve(engine, ref)
    assert engine.world.values == {"a": 3}
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert engine.condition(ref, "ApprovalRequired") is None


def test_drift_is_healed_to_the_approved_version_while_a_new_one_waits() -> None:
    engine = Harness()
    ref = approved(engine)
    engine.change(ref, value=4)
    engine.run(ref)
    engine.world.values["a"] = 9

    engine.run(ref)
    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert engine.condition(ref, "Ready") == ("False", "ApprovalRequired")
    status = engine.status(ref)
    assert status["sync"] == "OutOfSync"
    assert status["observedGeneration"] == 2
    assert engine.records()[-1].step.generation == 1
    [action] = status["pendingApproval"]["actions"]
    assert (action["runbook"], action["target"], action["risk"]) == ("upgrade", "Gauge/a", "MEDIUM")
    assert (action["before"], action["after"]) == ({"spec.value": 3}, {"spec.value": 4})
    hash_ = pending(engine, ref)
    [told] = [message for _, _, message in engine.events() if f"version {hash_}" in message]
    assert f"version {hash_} waits for approval: spec.value 3 → 4." in told
    assert "swarmkeeper approve Gauge/a" in told


def test_an_approval_lets_exactly_that_version_through_and_not_the_next_one() -> None:
    engine = Harness()
    ref = approved(engine)
    engine.change(ref, value=4)
    engine.run(ref)
    approve(engine, ref)
    engine.change(ref, value=5)

    engine.run(ref)

    assert engine.world.values == {"a": 4}
    assert pending(engine, ref) != ""
    approve(engine, ref, "0" * 12)
    assert engine.world.values == {"a": 4}
    told = [message for _, reason, message in engine.events() if reason == "UpgradeApproved"]
    assert len(told) == 2
    assert any(m.endswith("of Gauge/a was approved by ann: spec.value 3 → 4") for m in told)


def test_each_version_that_waits_is_told_once() -> None:
    engine = Harness()
    ref = approved(engine)
    for value in (4, 5):
        engine.change(ref, value=value)
        engine.run(ref)
        engine.run(ref)

    assert reasons(engine).count("ApprovalRequired") == 3, "the new object, 4 and 5"


def test_going_back_to_the_approved_version_ends_the_waiting() -> None:
    engine = Harness()
    ref = approved(engine)
    engine.change(ref, value=4)
    engine.run(ref)
    engine.change(ref, value=3)

    engine.run(ref)

    assert pending(engine, ref) == ""
    assert engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert engine.world.writes == [("a", 3)]


def test_a_restart_forgets_no_approved_version(tmp_path: Path) -> None:
    engine = Harness(tmp_path / "store.db")
    ref = approved(engine)
    engine.change(ref, value=4)
    engine = Harness(tmp_path / "store.db", world=engine.world, clock=engine.clock)
    engine.world.values["a"] = 9

    engine.run(ref)

    assert engine.world.values == {"a": 3}
    assert pending(engine, ref) != ""


def test_an_operator_that_has_lost_the_lease_keeps_no_version() -> None:
    def lost() -> None:
        raise LeaseLost("another acts")

    engine = Harness()
    ref = approved(engine)
    uid = engine.stored(ref)["metadata"]["uid"]
    before = remembered(engine, uid)
    engine.change(ref, value=4)
    engine.run(ref)
    engine.passes = Passes(replace(engine.deps, require_lease=lost))

    approve(engine, ref)

    assert remembered(engine, uid) == before
    assert engine.world.values == {"a": 3}


@pytest.mark.parametrize("was_approved", [True, False])
def test_switching_the_policy_off_smuggles_no_change_through(*, was_approved: bool) -> None:
    engine = Harness()
    ref = engine.declare(value=3, upgradePolicy="Approved")
    engine.run(ref)
    if was_approved:
        approve(engine, ref)
    before = list(engine.world.writes)
    engine.change(ref, value=4, upgradePolicy="Auto")

    engine.run(ref)

    assert engine.world.writes == before
    approve(engine, ref)
    assert engine.world.values == {"a": 4}
    engine.change(ref, value=5)
    engine.run(ref)
    assert engine.world.values == {"a": 5}, "the switch itself was approved"


@pytest.mark.parametrize("change", [{"suspend": True}, {"mode": "Warn"}, {"mode": "Off"}])
def test_what_says_to_do_less_counts_at_once(change: dict[str, Any]) -> None:
    engine = Harness()
    ref = approved(engine)
    engine.change(ref, value=4, **change)
    engine.world.values["a"] = 9

    engine.run(ref)

    assert engine.world.values == {"a": 9}
    assert engine.condition(ref, "ApprovalRequired") == ("True", "PlanPending")


def test_what_says_to_do_more_waits() -> None:
    engine = Harness()
    ref = approved(engine, mode="Warn")
    engine.change(ref, mode="Enforce")
    engine.world.values["a"] = 9

    engine.run(ref)

    assert engine.world.values == {"a": 9}
    approve(engine, ref)
    assert engine.world.values == {"a": 3}


@pytest.mark.parametrize("was_approved", [True, False])
def test_an_object_that_waits_can_be_deleted(*, was_approved: bool) -> None:
    engine = Harness()
    ref = engine.declare(value=3, upgradePolicy="Approved")
    engine.objects.patch(ref, {"metadata": {"finalizers": [FINALIZER]}}, actor="test")
    engine.run(ref)
    if was_approved:
        approve(engine, ref)
        engine.change(ref, value=4)
        engine.run(ref)
    uid = engine.stored(ref)["metadata"]["uid"]
    assert remembered(engine, uid) is not None
    engine.objects.delete(ref, actor="test")

    engine.run(ref)

    assert engine.objects.get(ref) is None
    assert engine.world.values == {}
    assert remembered(engine, uid) is None


def test_an_object_that_went_away_without_a_finalizer_is_forgotten_too() -> None:
    engine = Harness()
    ref = approved(engine)
    uid = engine.stored(ref)["metadata"]["uid"]
    engine.objects.delete(ref, actor="test")

    engine.run(ref)

    assert remembered(engine, uid) is None


def test_a_runbook_by_hand_waits_for_the_first_approval_and_then_acts_on_that_version() -> None:
    engine = Harness()
    ref = engine.declare(value=3, upgradePolicy="Approved")
    run = engine.ask("reset", ref)
    engine.run(ref)
    engine.run(run)

    assert engine.world.writes == []
    assert "pendingApproval" not in engine.status(run)
    engine.change(ref, value=4)
    engine.run(ref)
    approve(engine, ref)
    assert {value for _, value in engine.world.writes} == {4}


def test_no_line_of_the_new_file_stands_for_an_old_value() -> None:
    engine = Harness()
    ref = approved(engine)
    model = GaugeSpec(value=3)
    origin = Origin("gauges.yaml", 1, "main@sha1:abcdef0")
    metadata = Metadata(name="a")
    declared = DeclaredObject(ref, metadata, {}, model, origin, {"spec.value": 7})
    engine.deps.origins.set({ref: declared})
    engine.world.stubborn = True
    engine.world.values["a"] = 9
    engine.run(ref)
    assert engine.status(ref)["drift"][0]["origin"] == "gauges.yaml:7@abcdef0"
    engine.change(ref, value=4)

    engine.run(ref)

    assert engine.status(ref)["drift"][0]["origin"] == ""


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("spec.env.A", True),
        ("spec.env.B", False),
        ("spec.env", False),
        ("spec", False),
        ("spec.gone", False),
        ("spec.image.tag", False),
    ],
)
def test_a_field_is_the_same_where_both_versions_declare_it_alike(path: str, same: bool) -> None:
    old = {"image": "x", "gone": 1, "env": {"A": "1", "B": "1"}}
    new = {"image": "x", "env": {"A": "1", "B": "2"}}

    assert same_in_both(path, old, new) is same


def test_a_version_is_named_by_object_and_spec_whatever_the_order_of_the_fields() -> None:
    one = version_hash("u", {"a": 1, "b": 2})

    assert len(one) == 12
    assert version_hash("u", {"b": 2, "a": 1}) == one
    assert version_hash("v", {"a": 1, "b": 2}) != one
    assert version_hash("u", {"a": 1, "b": 3}) != one


def test_secrets_are_masked_in_what_waits() -> None:
    engine = Harness(reconcilers=RECONCILERS, ports=Ports(FakeSwarm(), FakeHttp(), HandClock()))
    ref = ObjectRef("SwarmService", "web")
    spec = {"image": "web:1", "env": {"API_TOKEN": "hunter2"}, "upgradePolicy": "Approved"}
    engine.objects.create(
        {
            "apiVersion": API_VERSION,
            "kind": "SwarmService",
            "metadata": {"name": "web"},
            "spec": spec,
        },
        actor="test",
    )
    engine.run(ref)
    approve(engine, ref)
    engine.objects.patch(ref, {"spec": {"env": {"API_TOKEN": "hunter3"}}}, actor="test")

    engine.run(ref)

    [action] = engine.status(ref)["pendingApproval"]["actions"]
    assert list(action["after"]) == ["spec.env.API_TOKEN"]
    told = f"{engine.status(ref)}{engine.events()}{engine.records()}"
    assert "hunter" not in told
