"""Drift on a service that exists: found field by field, corrected in one write."""

from __future__ import annotations

from typing import Any

import pytest

from desired_state.objects import JsonObject
from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.diff import ABSENT
from swarmkeeper.runtime.errors import Retry, Stalled
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.testing import FakeSwarm, Loop, fake_ports

WEB: dict[str, Any] = {
    "image": "app:1",
    "replicas": 3,
    "env": {"LOG_LEVEL": "info", "DEBUG": None, "DB_PASSWORD": "hunter2"},
    "labels": {"tier": "web"},
    "update": {"failureAction": "rollback"},
}


def running(declared: dict[str, Any] = WEB) -> tuple[FakeSwarm, Loop[SwarmServiceSpec]]:
    """A service that was created from a declaration and is in sync."""
    swarm = FakeSwarm(nodes=3)
    loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, fake_ports(swarm), declared)
    loop.run()
    loop.run()
    return swarm, loop


def live(swarm: FakeSwarm) -> JsonObject:
    service = swarm.service("web")
    assert service is not None
    return service.spec


def set_replicas(count: int) -> Any:
    return lambda spec: spec["Mode"]["Replicated"].update(Replicas=count)


def set_env(*env: str) -> Any:
    return lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Env=list(env))


def test_a_service_in_sync_is_not_written_to() -> None:
    swarm, loop = running()
    before = swarm.writes

    assert loop.plan().in_sync
    loop.run()

    assert swarm.writes == before


def test_replicas_alone_are_scaled_without_a_restart() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    tasks = {t.id for t in swarm.tasks(loop.status["serviceId"]) if t.desired_state == "running"}

    plan = loop.plan()
    loop.run()

    assert [(a.runbook, a.risk) for a in plan.actions] == [("scale", Risk.LOW)]
    assert [str(d) for d in plan.drift] == ["spec.replicas: want 3, got 5 (objects.yaml:1@3f2a91c)"]
    kept = {t.id for t in swarm.tasks(loop.status["serviceId"]) if t.desired_state == "running"}
    assert kept < tasks
    assert loop.condition("Converged") == ("True", "Converged")


def test_several_fields_are_put_right_in_one_write() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(1))
    swarm.edit("web", set_env("LOG_LEVEL=debug", "DEBUG=1", "OTHER=x", "DB_PASSWORD=hunter2"))
    before = swarm.calls["write"]

    plan = loop.plan()
    loop.run()

    assert [a.runbook for a in plan.actions] == ["update"]
    assert plan.actions[0].risk is Risk.MEDIUM
    assert sorted(plan.actions[0].after) == [
        "spec.env.DEBUG",
        "spec.env.LOG_LEVEL",
        "spec.replicas",
    ]
    assert swarm.calls["write"] == before + 1
    assert live(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] == [
        "LOG_LEVEL=info",
        "OTHER=x",
        "DB_PASSWORD=hunter2",
    ]


def test_a_key_declared_null_must_be_absent() -> None:
    swarm, loop = running()
    swarm.edit("web", set_env("LOG_LEVEL=info", "DEBUG=1", "DB_PASSWORD=hunter2"))

    drift = loop.plan().drift

    assert [(d.path, d.want, d.got) for d in drift] == [("spec.env.DEBUG", ABSENT, "1")]


def test_a_label_of_the_service_is_put_right_at_low_risk() -> None:
    swarm, loop = running()
    swarm.edit("web", lambda spec: spec["Labels"].update(tier="db"))

    plan = loop.plan()
    loop.run()

    assert [(a.runbook, a.risk) for a in plan.actions] == [("update", Risk.LOW)]
    assert live(swarm)["Labels"]["tier"] == "web"


def test_secrets_are_shown_as_fingerprints_only() -> None:
    swarm, loop = running({**WEB, "args": ["--password", "s3cret", "--token=abc"]})
    swarm.edit("web", set_env("LOG_LEVEL=info", "DB_PASSWORD=letmein"))
    swarm.edit("web", lambda s: s["TaskTemplate"]["ContainerSpec"].update(Args=["--token=xyz"]))

    plan = loop.plan()

    text = repr(plan)
    assert "spec.env.DB_PASSWORD" in text
    for secret in ("hunter2", "letmein", "s3cret", "abc", "xyz"):
        assert secret not in text


def test_a_password_inside_a_url_is_not_shown() -> None:
    swarm, loop = running({"image": "app:1", "env": {"DB": "postgres://app:hunter2@db/app"}})
    swarm.edit("web", set_env("DB=postgres://app:letmein@db/app"))

    plan = loop.plan()

    assert "hunter2" not in repr(plan)
    assert "letmein" not in repr(plan)
    assert plan.drift[0].want != plan.drift[0].got


def test_replicas_of_another_owner_are_neither_changed_nor_reported() -> None:
    swarm, loop = running({**WEB, "replicasOwner": "other"})
    swarm.edit("web", set_replicas(7))

    assert loop.plan().in_sync
    loop.run()

    assert loop.status["replicas"] == {"desired": 7, "running": 7}


def test_an_image_with_another_digest_of_the_same_tag_is_no_drift() -> None:
    swarm, loop = running()
    swarm.edit(
        "web",
        lambda s: s["TaskTemplate"]["ContainerSpec"].update(
            Image="docker.io/library/app:1@sha256:abc"
        ),
    )

    assert loop.plan().in_sync


def test_a_declared_digest_is_compared() -> None:
    swarm, loop = running({"image": "app:1@sha256:aaa"})
    swarm.edit("web", lambda s: s["TaskTemplate"]["ContainerSpec"].update(Image="app:1@sha256:bbb"))

    assert [d.path for d in loop.plan().drift] == ["spec.image"]


def test_a_field_that_moved_since_the_plan_is_not_overwritten() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    action = loop.plan().actions[0]
    swarm.edit("web", set_replicas(9))
    before = swarm.calls["write"]

    with pytest.raises(Retry, match=r"spec\.replicas changed meanwhile"):
        RECONCILER.act(loop.target, action, fake_ports(swarm))

    assert swarm.calls["write"] == before


def test_a_step_that_is_done_already_writes_nothing() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    action = loop.plan().actions[0]
    ports = fake_ports(swarm)
    first = RECONCILER.act(loop.target, action, ports)
    before = swarm.calls["write"]

    second = RECONCILER.act(loop.target, action, ports)

    assert first.startswith("replaced version")
    assert second == "was already as it should be"
    assert swarm.calls["write"] == before


def test_a_conflict_with_another_writer_is_read_again_and_resolved() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    swarm.conflict_next(2)

    loop.run()

    assert live(swarm)["Mode"]["Replicated"]["Replicas"] == 3


def test_endless_conflicts_are_tried_again_later() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    swarm.conflict_next(99)

    with pytest.raises(Retry) as caught:
        loop.run()

    assert caught.value.reason == "WorldMoved"


def test_networks_are_compared_by_name() -> None:
    swarm = FakeSwarm()
    swarm.add("networks", "front", "back")
    declared = {"image": "app:1", "networks": ["front", {"name": "back", "aliases": ["db"]}]}
    loop: Loop[SwarmServiceSpec] = Loop(RECONCILER, fake_ports(swarm), declared)

    loop.run()

    assert loop.plan().in_sync
    targets = [n["Target"] for n in live(swarm)["TaskTemplate"]["Networks"]]
    assert targets == [swarm.ids("networks")[n] for n in ("front", "back")]


def test_a_rotated_secret_keeps_its_file() -> None:
    swarm = FakeSwarm()
    swarm.add("secrets", "pw_v1", "pw_v2")
    loop: Loop[SwarmServiceSpec] = Loop(
        RECONCILER,
        fake_ports(swarm),
        {"image": "a", "secrets": [{"name": "pw_v1", "target": "pw"}]},
    )
    loop.run()
    loop.declare({"image": "a", "secrets": [{"name": "pw_v2", "target": "pw"}]})

    loop.run()

    (secret,) = live(swarm)["TaskTemplate"]["ContainerSpec"]["Secrets"]
    assert secret["SecretName"] == "pw_v2"
    assert secret["SecretID"] == swarm.ids("secrets")["pw_v2"]
    assert secret["File"]["Name"] == "pw"


def test_a_reference_that_does_not_exist_blocks_with_its_name() -> None:
    _swarm, loop = running()
    loop.declare({**WEB, "networks": ["proxy"]})

    plan = loop.plan()

    assert plan.blocked == ("ReferenceMissing", "the swarm has no network proxy: create it first")
    assert plan.actions == ()


def test_a_declared_mode_that_the_service_does_not_have_blocks() -> None:
    _, loop = running()
    loop.declare({"image": "app:1", "serviceMode": "global"})

    plan = loop.plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "ModeImmutable"


def test_an_unanswering_engine_is_unknown_and_never_acted_upon() -> None:
    swarm, loop = running()
    swarm.available = False

    plan = loop.plan()
    verification = loop.run()

    assert plan.unknown
    assert plan.actions == ()
    assert verification.healthy is None
    assert loop.condition("Converged") == ("Unknown", "ObservationFailed")
    assert loop.status["serviceId"]


def test_a_refusal_of_the_engine_stalls() -> None:
    swarm, loop = running()
    loop.declare({**WEB, "mounts": [{"target": "/data", "source": "data"}]})
    swarm.refuse_next("invalid mount config")

    with pytest.raises(Stalled, match="invalid mount config"):
        loop.run()


def test_a_refusal_that_passes_by_itself_is_tried_again() -> None:
    swarm, loop = running()
    loop.declare({**WEB, "ports": [{"target": 80, "published": 80}]})
    swarm.refuse_next("port '80' is already in use by service 'proxy'")

    with pytest.raises(Retry, match="already in use"):
        loop.run()


def test_plan_and_verify_give_equal_answers_to_equal_questions() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    target = loop.target
    observed = RECONCILER.observe(target, fake_ports(swarm))

    assert RECONCILER.plan(target, observed) == RECONCILER.plan(target, observed)
    assert RECONCILER.verify(target, observed) == RECONCILER.verify(target, observed)


def test_observing_writes_nothing() -> None:
    swarm, loop = running()
    swarm.edit("web", set_replicas(5))
    before = swarm.writes

    RECONCILER.observe(loop.target, fake_ports(swarm))

    assert swarm.writes == before
