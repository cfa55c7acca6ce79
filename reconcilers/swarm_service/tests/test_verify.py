"""Converged and Healthy: what is seen, not what was asked for."""

from __future__ import annotations

import pytest
from support.service_world import World

from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.conditions import Status
from swarmkeeper.testing import FakeClock, FakeSwarm, Loop, fake_ports


def test_all_tasks_running_is_converged() -> None:
    world = World()

    verification = world.loop.run()

    assert verification.message == "3/3 running"
    assert verification.healthy
    assert verification.progress == ""
    assert world.converged == ("True", "Converged")


def test_status_stays_the_same_while_nothing_changes() -> None:
    world = World(health={"url": "http://web/health"})
    world.http.answer("http://web/health")
    world.loop.run()
    before = dict(world.loop.status)
    world.clock.advance(300)

    world.loop.run()

    assert world.loop.status == before


def test_status_names_the_service_and_its_image() -> None:
    status = World().loop.status

    assert status["serviceName"] == "web"
    assert status["image"] == "app:1"
    assert status["replicas"] == {"desired": 3, "running": 3}
    assert status["created"] is True


def test_tasks_on_a_node_that_is_down_do_not_count() -> None:
    world = World()
    world.swarm.new_tasks_stay("pending")

    world.swarm.set_node(2, ready=False)
    verification = world.loop.run()

    assert world.loop.status["replicas"] == {"desired": 3, "running": 2}
    assert verification.progress == "2/3 running"
    assert world.converged == ("False", "WaitingForTasks")


def test_tasks_that_do_not_start_in_time_are_a_failure_with_their_own_words() -> None:
    world = World(progressDeadline="1m")
    world.swarm.set_tasks("web", state="pending", error="no suitable node (insufficient memory)")
    world.loop.run()
    world.clock.advance(61)

    verification = world.loop.run()

    assert verification.failure is not None
    assert verification.failure[0] == "ProgressDeadlineExceeded"
    assert "no suitable node (insufficient memory)" in verification.failure[1]
    assert verification.progress == ""


def test_the_deadline_is_forgotten_once_the_tasks_run() -> None:
    world = World(progressDeadline="1m")
    world.swarm.set_tasks("web", state="starting")
    world.loop.run()
    world.clock.advance(59)
    world.swarm.set_tasks("web", state="running")
    world.loop.run()
    world.clock.advance(59)
    world.swarm.set_tasks("web", state="starting")

    verification = world.loop.run()

    assert verification.failure is None
    assert verification.progress == "0/3 running"


def test_an_update_that_moves_on_is_not_late() -> None:
    world = World(progressDeadline="1m")
    world.swarm.script_update("web", "updating")
    world.loop.run()
    world.clock.advance(50)
    world.swarm.set_tasks("web", state="starting")
    world.loop.run()
    world.clock.advance(50)

    assert world.loop.run().failure is None
    world.clock.advance(61)
    failure = world.loop.run().failure
    assert failure is not None
    assert failure[0] == "ProgressDeadlineExceeded"


def test_more_tasks_than_wanted_is_not_converged() -> None:
    world = World()
    world.swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    world.swarm.stand_still()
    world.loop.run()

    verification = world.loop.run()

    assert verification.progress == "5/3 running"
    assert world.converged == ("False", "TooManyTasks")


def test_tasks_that_swarm_has_forgotten_are_ended_by_writing_the_service_again() -> None:
    world = World()
    world.swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    world.swarm.stand_still()
    world.loop.run()
    world.swarm.go_on()
    assert world.loop.plan().in_sync
    world.clock.advance(4)
    (action,) = world.loop.plan().actions
    assert (action.runbook, action.before, action.after) == (
        "settle",
        {"status.replicas.running": 5},
        {"status.replicas.running": 3},
    )

    verification = world.loop.run()

    assert verification.message == "3/3 running"
    assert world.loop.plan().in_sync


def test_old_tasks_are_not_taken_for_the_update() -> None:
    world = World()
    world.swarm.stand_still()
    world.loop.declare({"image": "app:2", "replicas": 3})

    verification = world.loop.run()

    assert verification.progress == "3/3 running, 0 up to date"


def test_a_drift_that_is_only_reported_is_not_converged() -> None:
    world = World()
    world.swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))

    world.loop.run(act=False)

    assert world.converged == ("False", "DriftDetected")


def test_a_service_whose_first_tasks_are_starting_is_not_called_unhealthy() -> None:
    swarm = FakeSwarm()
    swarm.new_tasks_stay("starting")
    loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, fake_ports(swarm), {"image": "app:1"})

    verification = loop.run()

    assert verification.healthy is None
    assert verification.progress == "0/1 running"
    assert loop.condition("Healthy") == ("Unknown", "Starting")


def test_no_task_at_all_is_unhealthy() -> None:
    world = World()
    world.swarm.set_tasks("web", state="failed", error="task: non-zero exit (1)")

    verification = world.loop.run()

    assert verification.healthy is False
    assert world.healthy == ("False", "NoRunningTasks")
    assert world.loop.status["failingTasks"] == ["task: non-zero exit (1)"]


def test_zero_replicas_is_fine() -> None:
    world = World(replicas=0, health={"url": "http://web/"})

    verification = world.loop.run()

    assert verification.message == "0/0 running"
    assert world.converged == ("True", "Converged")
    assert world.healthy == ("True", "NothingToAsk")


def test_a_task_that_ends_again_and_again_is_unhealthy_even_while_it_runs() -> None:
    world = World(replicas=1)
    for _ in range(3):
        world.swarm.set_tasks("web", state="failed", error="task: non-zero exit (1)")
        world.clock.advance(7)
        world.swarm.restart_tasks("web")

    verification = world.loop.run()

    assert verification.message == "1/1 running"
    assert world.healthy == ("False", "TasksFailing")
    world.clock.advance(61)
    world.loop.run()
    assert world.healthy == ("True", "TasksRunning")


def test_a_global_service_wants_a_task_on_every_node() -> None:
    clock = FakeClock()
    swarm = FakeSwarm(nodes=3, clock=clock)
    loop: Loop[SwarmServiceSpec] = Loop(
        RECONCILER,
        fake_ports(swarm, clock=clock),
        {"image": "app:1", "serviceMode": "global"},
    )

    assert loop.run().message == "3/3 running"


def test_a_global_service_without_tasks_is_given_a_moment() -> None:
    clock = FakeClock()
    swarm = FakeSwarm(nodes=1, clock=clock)
    swarm.set_node(1, ready=False)
    loop: Loop[SwarmServiceSpec] = Loop(
        RECONCILER,
        fake_ports(swarm, clock=clock),
        {"image": "app:1", "serviceMode": "global"},
    )

    assert loop.run().progress
    clock.advance(6)
    assert loop.run().message == "0/0 running"


def test_a_new_drift_is_corrected_before_anything_else_is_asked() -> None:
    world = World(health={"url": "http://web/"})
    world.http.answer("http://web/")
    world.loop.run()
    world.swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    world.http.asked.clear()
    world.swarm.calls.clear()

    plan = world.loop.plan()

    assert [action.runbook for action in plan.actions] == ["scale"]
    assert world.swarm.calls == {"service": 1}
    assert world.http.asked == []


def test_a_drift_that_was_not_corrected_hides_nothing_from_the_next_look() -> None:
    world = World()
    world.swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    first = world.loop.run(act=False)
    world.swarm.set_tasks("web", state="failed")

    second = world.loop.run(act=False)

    assert (first.healthy, second.healthy) == (True, False)
    assert world.loop.status["replicas"] == {"desired": 5, "running": 0}


def test_unreadable_tasks_are_unknown_and_nothing_is_done() -> None:
    world = World()
    before = dict(world.loop.status)
    world.swarm.available = False

    verification = world.loop.run()

    assert verification.healthy is None
    assert {c.status for c in verification.conditions} == {Status.UNKNOWN}
    kept = ("serviceId", "serviceName", "created", "replicas", "image")
    assert {k: world.loop.status[k] for k in kept} == {k: before[k] for k in kept}


def test_a_missing_service_that_may_not_be_created_is_unhealthy() -> None:
    world = World(create=False)

    assert world.converged == ("False", "ServiceMissing")
    assert world.healthy == ("False", "ServiceMissing")


def test_advice_shows_in_the_status() -> None:
    world = World(update={"failureAction": "rollback", "delay": "10s"})

    assert world.loop.status["warnings"] == [
        (
            "update.delay 10s is not shorter than update.monitor 5s: failures are watched for no "
            "longer than the delay"
        )
    ]


@pytest.mark.parametrize("error", ["No such image: a:1", "manifest unknown: a:1"])
def test_ids_in_errors_do_not_make_the_status_move(error: str) -> None:
    world = World()
    moving = f"{error} for task abcdefghijklmnopqrstuvwxy"

    world.swarm.set_tasks("web", state="rejected", error=moving)
    world.loop.run()

    assert world.loop.status["failingTasks"] == [f"{error} for task …"]
