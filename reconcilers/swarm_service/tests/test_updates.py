"""Updates that fail: paused, rolled back, without an image. None of them is success."""

from __future__ import annotations

from typing import Any

import pytest

from desired_state.objects import JsonObject
from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.errors import Stalled
from swarmkeeper.testing import FakeClock, FakeSwarm, Loop, fake_ports

ROLLS_BACK = {"failureAction": "rollback"}


def running(**declared: Any) -> tuple[FakeSwarm, Loop[SwarmServiceSpec], FakeClock]:
    clock = FakeClock()
    swarm = FakeSwarm(clock=clock)
    loop: Loop[SwarmServiceSpec] = Loop(
        RECONCILER, fake_ports(swarm, clock=clock), {"image": "app:1", **declared}
    )
    loop.run()
    clock.advance(1)
    return swarm, loop, clock


def live(swarm: FakeSwarm) -> JsonObject:
    service = swarm.service("web")
    assert service is not None
    return service.spec


def image(swarm: FakeSwarm) -> str:
    return str(live(swarm)["TaskTemplate"]["ContainerSpec"]["Image"])


def test_a_rolled_back_update_is_a_failure_and_is_not_repeated() -> None:
    swarm, loop, _ = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})

    loop.run()
    before = swarm.writes
    verification = loop.run()

    assert verification.failure is not None
    assert verification.failure[0] == "RolledBack"
    assert loop.condition("Converged") == ("False", "RolledBack")
    assert loop.plan().blocked == verification.failure
    assert [d.path for d in loop.plan().drift] == ["status.updateState", "spec.image"]
    assert swarm.writes == before


def test_the_hold_after_a_rollback_survives_a_write_by_somebody_else() -> None:
    swarm, loop, _ = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=4))

    plan = loop.plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "RolledBack"


def test_a_new_generation_is_tried_after_a_rollback() -> None:
    swarm, loop, clock = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    clock.advance(5)
    loop.declare({"image": "app:3", "update": ROLLS_BACK})

    loop.run()

    assert image(swarm) == "app:3"
    assert loop.condition("Converged") == ("True", "Converged")


def test_a_fix_pushed_before_the_rollback_was_seen_is_not_held() -> None:
    swarm, loop, clock = running(update=ROLLS_BACK)
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    clock.advance(5)
    loop.declare({"image": "app:3", "update": ROLLS_BACK})
    swarm.edit("web", lambda s: s["Labels"].update({"swarmkeeper.dev/generation": "1"}))
    swarm.edit("web", lambda s: s["TaskTemplate"]["ContainerSpec"].update(Image="app:1"))
    swarm.script_update("web", "rollback_completed", "rollback completed")

    loop.run()

    assert image(swarm) == "app:3"


def test_going_back_to_what_swarm_rolled_back_to_is_in_sync() -> None:
    swarm, loop, clock = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    clock.advance(5)
    loop.declare({"image": "app:1", "update": ROLLS_BACK})

    loop.run()

    assert loop.plan().in_sync
    assert loop.condition("Converged") == ("True", "Converged")


def test_resume_update_tries_the_declared_spec_again() -> None:
    swarm, loop, clock = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    clock.advance(5)
    swarm.mend_image("app:2")

    loop.ask("resume-update", run="r1")
    loop.run()

    assert image(swarm) == "app:2"
    assert loop.condition("Converged") == ("True", "Converged")
    assert loop.plan().in_sync


def test_a_paused_update_is_drift_and_failure() -> None:
    swarm, loop, _ = running()
    swarm.break_image("app:2")
    loop.declare({"image": "app:2"})
    loop.run()

    plan = loop.plan()
    verification = loop.run()

    assert plan.blocked is not None
    assert plan.blocked[0] == "UpdatePaused"
    assert [(d.path, d.got) for d in plan.drift] == [("status.updateState", "paused")]
    assert verification.failure == plan.blocked


def test_a_failed_update_is_reported_with_the_engines_words_for_its_tasks() -> None:
    swarm, loop, _ = running()
    swarm.break_image("app:2", "No such image: app:2")
    loop.declare({"image": "app:2"})

    failure = loop.run().failure

    assert failure is not None
    assert "update paused" in failure[1]
    assert "No such image: app:2" in failure[1]


def test_an_error_of_an_earlier_release_is_not_held_against_the_present_one() -> None:
    swarm, loop, clock = running(update=ROLLS_BACK)
    swarm.break_image("app:2")
    loop.declare({"image": "app:2", "update": ROLLS_BACK})
    loop.run()
    clock.advance(5)
    swarm.new_tasks_stay("preparing")
    loop.declare({"image": "app:3", "update": ROLLS_BACK})

    verification = loop.run()

    assert verification.failure is None
    assert verification.progress == "0/1 running"


def test_a_paused_update_can_be_resumed() -> None:
    swarm, loop, _ = running()
    swarm.break_image("app:2")
    loop.declare({"image": "app:2"})
    loop.run()
    swarm.mend_image("app:2")

    loop.ask("resume-update", run="r1")
    loop.run()

    assert loop.condition("Converged") == ("True", "Converged")


def test_a_paused_rollback_needs_a_human() -> None:
    swarm, loop, _ = running()
    swarm.script_update("web", "rollback_paused", "rollback paused due to failure")

    plan = loop.plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "RollbackPaused"
    assert plan.actions == ()


def test_nothing_is_done_while_swarm_rolls_back() -> None:
    swarm, loop, _ = running()
    swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=4))
    loop.declare({"image": "app:1", "replicas": 1})
    swarm.script_update("web", "rollback_started", "update rolled back due to failure")

    plan = loop.plan()
    verification = loop.run()

    assert plan.drift
    assert plan.actions == ()
    assert verification.progress.startswith("Swarm rolls back")


def test_an_image_that_can_not_be_had_is_named() -> None:
    swarm = FakeSwarm()
    swarm.break_image("app:1", "No such image: app:1")
    loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, fake_ports(swarm), {"image": "app:1"})

    verification = loop.run()

    assert verification.failure is not None
    assert verification.failure[0] == "ImageUnavailable"
    assert "No such image: app:1" in verification.failure[1]
    assert loop.condition("Healthy") == ("False", "NoRunningTasks")


def test_restart_replaces_the_tasks_and_nothing_else() -> None:
    swarm, loop, _ = running(replicas=2)
    spec = live(swarm)
    old = {t.id for t in swarm.tasks(loop.status["serviceId"])}

    loop.ask("restart", run="r1")

    new = {t.id for t in swarm.tasks(loop.status["serviceId"]) if t.desired_state == "running"}
    assert len(new) == 2
    assert not new & old
    assert live(swarm)["TaskTemplate"]["ForceUpdate"] == 1
    assert live(swarm)["Mode"] == spec["Mode"]
    assert loop.plan().in_sync


def test_one_request_restarts_once_however_often_it_is_tried() -> None:
    swarm, loop, _ = running()

    loop.ask("restart", run="r1")
    again = loop.ask("restart", run="r1")
    loop.ask("restart", run="r2")

    assert again == "was already as it should be"
    assert live(swarm)["TaskTemplate"]["ForceUpdate"] == 2


def test_rollback_goes_back_once_and_the_loop_leaves_it_so() -> None:
    swarm, loop, clock = running()
    loop.declare({"image": "app:2"})
    loop.run()
    clock.advance(5)

    loop.ask("rollback-service")
    again = loop.ask("rollback-service")
    loop.run()

    assert again == "was already rolled back"
    assert image(swarm) == "app:1"
    assert loop.condition("Converged") == ("False", "RolledBack")


def test_without_a_previous_spec_there_is_nothing_to_roll_back_to() -> None:
    _, loop, _ = running()

    with pytest.raises(Stalled) as caught:
        loop.ask("rollback-service")

    assert caught.value.reason == "NoPreviousSpec"


def test_update_by_hand_puts_everything_right() -> None:
    swarm, loop, _ = running(replicas=2, env={"A": "1"})
    swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    swarm.edit("web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Env=[]))

    loop.ask("update", run="update:1")

    assert loop.plan().in_sync


def test_scale_by_hand_without_a_number_takes_the_declared_one_and_nothing_else() -> None:
    swarm, loop, _ = running(replicas=2, env={"A": "1"})
    swarm.edit("web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    swarm.edit("web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Env=[]))

    loop.ask("scale", run="scale:1")

    assert [diff.path for diff in loop.plan().drift] == ["spec.env.A"]


def test_scale_by_hand_takes_a_number() -> None:
    swarm, loop, _ = running(replicasOwner="other")

    loop.ask("scale", replicas="4")

    assert live(swarm)["Mode"]["Replicated"]["Replicas"] == 4
    with pytest.raises(Stalled, match="not a number"):
        loop.ask("scale", replicas="many")


def test_an_unknown_runbook_is_refused() -> None:
    _, loop, _ = running()

    with pytest.raises(Stalled) as caught:
        loop.ask("dance")

    assert caught.value.reason == "UnknownRunbook"
