"""Two operators on one Postgres: one acts, and what it leaves half done is ended once, by the other."""

from __future__ import annotations

import pytest
from support.operator_process import eventually
from support.pair import WHOLE, Pair, acts


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["intended", "acted"])
def test_what_a_killed_operator_has_begun_is_ended_once_by_the_other(pair: Pair, step: str) -> None:
    pair.one.declare(env={"VERSION": "1"})
    pair.one.operator.start(die_at=f"{step}:2")
    eventually(pair.one.operator.kubeconfig.exists)
    pair.one.wait_ready()
    created = pair.one.live()
    pair.two.operator.start()
    assert (acts(pair.one), acts(pair.two)) == (True, False)

    pair.two.declare(env={"VERSION": "2"}, push=True)

    assert pair.one.operator.wait() == -9
    eventually(lambda: "VERSION=2" in str(pair.two.live().spec))
    eventually(lambda: [entries[-1] for _, entries in pair.actions()] == ["Succeeded"] * 2)
    pair.two.wait_ready()
    assert [runbook for runbook, _ in pair.actions()] == ["create", "update"]
    live = pair.two.live()
    previous = (live.previous_spec or {})["TaskTemplate"]["ContainerSpec"]["Env"]
    assert (live.id, previous) == (created.id, ["VERSION=1"])
    assert acts(pair.two)
    assert pair.is_whole()


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["intended", "acted", "finished"])
def test_killed_while_it_ends_in_order_what_is_open_is_ended_once_by_the_other(
    pair: Pair, step: str
) -> None:
    names = (pair.one.name, f"{pair.one.name}-b")
    for name in names:
        pair.one.declare(name=name, env={"VERSION": "1"})
    pair.one.operator.start(pause_at=f"{step}:3")
    for name in names:
        pair.one.wait_ready(name)
    pair.two.operator.start()
    pair.one.declare(name=names[0], env={"VERSION": "2"})
    pair.one.declare(name=names[1], env={"VERSION": "2"}, push=True)
    eventually(pair.one.operator.paused.exists)

    pair.one.operator.begin_to_stop()
    assert not acts(pair.two)
    pair.one.operator.kill()

    pair.assert_taken("create", "create", "update", "update")
    for name in names:
        pair.two.wait_ready(name)
        live = pair.one.swarm.service(name)
        assert live is not None
        previous = (live.previous_spec or {})["TaskTemplate"]["ContainerSpec"]["Env"]
        assert previous == ["VERSION=1"]  # updated once
    assert pair.is_whole()


@pytest.mark.chaos
def test_a_frozen_operator_is_succeeded_and_ends_when_it_thaws(
    pair: Pair,
) -> None:
    pair.one.begin(replicas=1)
    pair.two.operator.start()

    pair.one.operator.freeze()
    pair.one.scale_by_hand(3)
    eventually(lambda: pair.one.replicas() == 1)
    pair.one.operator.thaw()

    assert pair.one.operator.wait() == 1
    assert "another operator has taken over" in pair.one.operator.log.read_text()
    assert acts(pair.two)
    eventually(lambda: ("scale", WHOLE) in pair.actions())
    scales = [runbook for runbook, _ in pair.actions() if runbook == "scale"]
    assert (scales, pair.one.replicas()) == (["scale"], 1)
    assert pair.is_whole()


def test_an_operator_that_is_told_to_end_hands_over_in_the_middle_of_a_change(
    pair: Pair,
) -> None:
    pair.one.begin(env={"VERSION": "1"})
    pair.two.operator.start()

    pair.one.declare(env={"VERSION": "2"}, push=True)
    assert pair.one.operator.stop() == 0

    eventually(lambda: acts(pair.two))
    eventually(lambda: "VERSION=2" in str(pair.two.live().spec))
    eventually(lambda: [entries[-1] for _, entries in pair.actions()] == ["Succeeded"] * 2)
    assert [runbook for runbook, _ in pair.actions()] == ["create", "update"]
    assert pair.is_whole()


def test_an_operator_that_comes_back_stands_by_and_takes_over_again(pair: Pair) -> None:
    pair.one.begin(replicas=1)
    pair.two.operator.start()
    pair.one.operator.stop()
    eventually(lambda: acts(pair.two))

    pair.one.operator.start()
    pair.one.scale_by_hand(3)
    eventually(lambda: pair.one.replicas() == 1)
    assert (acts(pair.one), acts(pair.two)) == (False, True)
    pair.two.wait_ready()
    pair.two.operator.stop()
    eventually(lambda: acts(pair.one))
    pair.one.scale_by_hand(2)

    eventually(lambda: pair.one.replicas() == 1)
    eventually(
        lambda: (
            [(runbook, entries[:2]) for runbook, entries in pair.actions() if runbook != "settle"]
            == [("create", WHOLE), ("scale", WHOLE), ("scale", WHOLE)]
        )
    )
