"""Budgets: of an object, of a runbook, of all together; and nothing risky while a kind is broken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness

from desired_state.objects import ObjectRef
from swarmkeeper.controller.guard import Policy, Share
from swarmkeeper.controller.passes import Passes
from swarmkeeper.runtime.plan import Risk


def with_policy(engine: Harness, policy: Policy) -> Harness:
    engine.deps = replace(engine.deps, policy=policy, admission=policy.admission())
    engine.passes = Passes(engine.deps)
    return engine


def begun(engine: Harness) -> list[tuple[str, str, datetime]]:
    return [
        (record.step.object, record.step.runbook, datetime.fromisoformat(record.at))
        for record in engine.records()
        if record.entry == "Intended"
    ]


def most_within(times: list[datetime], period: timedelta) -> int:
    return max((sum(a <= b < a + period for b in times) for a in times), default=0)


def test_a_runbook_has_a_budget_of_its_own() -> None:
    engine = Harness()
    tight = {"runbooks": {"reset": {"maxActions": 1, "per": "1h"}}}
    ref = engine.declare(value=3, limits=tight)
    engine.run(ref)
    for request in ("reset:1", "reset:2"):
        notes = {"annotations": {"swarmkeeper.dev/run": request}}
        engine.objects.patch(ref, {"metadata": notes}, actor="test")
        engine.run(ref)

    assert [runbook for _, runbook, _ in begun(engine)] == ["set", "reset"]
    assert engine.condition(ref, "Ready") == ("False", "LimitReached")
    engine.clock.forward(hours=1, seconds=1)
    engine.run(ref)
    assert engine.status(ref)["lastHandledRun"] == "reset:2"


def test_all_objects_share_the_operators_budget_also_after_a_restart(tmp_path: Path) -> None:
    policy = Policy(max_actions=2, per=timedelta(minutes=10))
    engine = with_policy(Harness(tmp_path / "state.db"), policy)
    refs = [engine.declare(name, value=1) for name in ("a", "b", "c")]
    engine.run(refs[0])
    engine.run(refs[1])

    again = with_policy(Harness(tmp_path / "state.db", world=engine.world), policy)
    again.run(refs[2])

    assert set(again.world.values) == {"a", "b"}
    assert again.condition(refs[2], "Ready") == ("False", "ClusterLimitReached")
    again.clock.forward(minutes=11)
    again.run(refs[2])
    assert set(again.world.values) == {"a", "b", "c"}


def test_passes_at_the_same_time_do_not_use_the_same_budget_twice() -> None:
    engine = with_policy(Harness(), Policy(max_actions=3))
    refs = [engine.declare(f"g{number}", value=1) for number in range(12)]

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(engine.run, refs))

    assert len(engine.world.writes) == 3


class Storm:
    """Ten gauges, of which some do not work, and one more that has drifted."""

    def __init__(self, most: str, *, broken: int) -> None:
        policy = Policy(max_unhealthy=Share.parse(most), storm_cooldown=timedelta(minutes=5))
        self.engine = with_policy(Harness(), policy)
        self.others = [self.engine.declare(f"g{number}", value=0) for number in range(9)]
        self.ref = self.engine.declare("drifted", value=0)
        for ref in (*self.others, self.ref):
            self.engine.world.values[ref.name] = 0
            self.engine.run(ref)
        self.engine.world.risk = Risk.MEDIUM
        self.engine.world.values["drifted"] = 9
        self.look(self.others[:broken], healthy=False)

    def look(self, refs: list[ObjectRef], *, healthy: bool) -> None:
        self.engine.world.healthy = healthy
        for ref in refs:
            self.engine.clock.forward(seconds=1)
            annotations = {"swarmkeeper.dev/requested-at": str(self.engine.clock.now())}
            patch = {"metadata": {"annotations": annotations}}
            self.engine.objects.patch(ref, patch, actor="test")
            self.engine.run(ref)
        self.engine.world.healthy = True

    @property
    def acted(self) -> bool:
        return self.engine.world.values["drifted"] == 0


@pytest.mark.parametrize(
    ("most", "broken", "acts"),
    [("3", 3, True), ("3", 4, False), ("30%", 3, True), ("30%", 4, False), ("0", 1, False)],
)
def test_nothing_risky_is_done_while_more_of_a_kind_is_broken_than_allowed(
    most: str, broken: int, acts: bool
) -> None:
    storm = Storm(most, broken=broken)

    storm.engine.run(storm.ref)

    assert storm.acted is acts
    expected = ("True", "ReconciliationSucceeded") if acts else ("False", "TooManyUnhealthy")
    assert storm.engine.condition(storm.ref, "Ready") == expected


def test_after_a_storm_it_is_quiet_for_a_while_before_anything_risky_is_done() -> None:
    storm = Storm("3", broken=5)
    storm.engine.run(storm.ref)
    storm.look(storm.others, healthy=True)

    storm.engine.run(storm.ref)

    assert storm.engine.condition(storm.ref, "Ready") == ("False", "StormCooldown")
    assert not storm.acted
    storm.engine.clock.forward(minutes=5)
    storm.engine.run(storm.ref)
    assert storm.acted


def test_in_a_storm_what_is_harmless_or_asked_for_by_hand_is_done() -> None:
    storm = Storm("3", broken=5)
    notes = {"annotations": {"swarmkeeper.dev/run": "clear:1"}}
    storm.engine.objects.patch(storm.ref, {"metadata": notes}, actor="test")
    storm.engine.run(storm.ref)
    assert "drifted" not in storm.engine.world.values

    storm.engine.world.risk = Risk.LOW
    storm.engine.run(storm.ref)
    assert storm.acted


def test_what_is_held_does_not_count_as_broken() -> None:
    storm = Storm("3", broken=5)
    held = [storm.engine.declare(f"h{number}", value=0) for number in range(9)]
    for ref in held:
        storm.engine.run(ref)
    assert {storm.engine.condition(ref, "Ready") for ref in held} == {("False", "TooManyUnhealthy")}
    storm.look(storm.others, healthy=True)
    storm.engine.clock.forward(minutes=6)

    storm.engine.run(storm.ref)

    assert storm.acted


@pytest.mark.parametrize("text", ["", "-1", "120%", "many", "3 %"])
def test_a_share_that_is_neither_number_nor_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 3 or 20%"):
        Share.parse(text)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(2, 6),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 300)), max_size=30),
)
def test_no_history_ever_exceeds_any_budget(
    own: int, runbook: int, cluster: int, moves: list[tuple[str, int]]
) -> None:
    engine = with_policy(Harness(), Policy(max_actions=cluster, per=timedelta(minutes=7)))
    limits = {
        "maxActions": own,
        "per": "10m",
        "runbooks": {"set": {"maxActions": runbook, "per": "5m"}},
    }
    refs = {name: engine.declare(name, value=3, limits=limits) for name in "abc"}
    for name, pause in moves:
        engine.clock.forward(seconds=pause)
        engine.world.values[name] = 99
        engine.run(refs[name])

    steps = begun(engine)
    assert most_within([at for _, _, at in steps], timedelta(minutes=7)) <= cluster
    for ref in refs.values():
        mine = [at for name, _, at in steps if name == str(ref)]
        assert most_within(mine, timedelta(minutes=10)) <= own
        assert most_within(mine, timedelta(minutes=5)) <= runbook
