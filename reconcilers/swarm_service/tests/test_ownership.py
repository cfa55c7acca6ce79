"""Whose a service is: created, adopted, left alone, let go, and made anew."""

from __future__ import annotations

from typing import Any

import pytest

from desired_state.objects import JsonObject
from reconcilers.swarm_service import RECONCILER
from reconcilers.swarm_service.ownership import CREATED, MANAGED_BY, OBJECT
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.errors import Retry
from swarmkeeper.runtime.plan import Risk
from swarmkeeper.testing import FakeSwarm, Loop, fake_ports, service_spec


def loop_on(swarm: FakeSwarm, **declared: Any) -> Loop[SwarmServiceSpec]:
    return Loop(RECONCILER, fake_ports(swarm), declared)


def live(swarm: FakeSwarm, name: str = "web") -> JsonObject:
    service = swarm.service(name)
    assert service is not None
    return service.spec


def test_a_missing_service_is_created_with_our_labels() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1", replicas=2)

    plan = loop.plan()
    loop.run()

    assert [(a.runbook, a.risk) for a in plan.actions] == [("create", Risk.LOW)]
    labels = live(swarm)["Labels"]
    assert labels[OBJECT] == "SwarmService/web"
    assert labels[CREATED] == "true"
    assert labels[MANAGED_BY] == "swarmkeeper"
    assert loop.plan().in_sync


def test_our_bookkeeping_never_enters_the_task_template() -> None:
    swarm = FakeSwarm()
    loop_on(swarm, image="app:1", stack="shop").run()

    assert "swarmkeeper.dev" not in repr(live(swarm, "shop_web")["TaskTemplate"])


def test_a_service_of_a_stack_is_named_and_labelled_like_one() -> None:
    swarm = FakeSwarm()
    loop_on(swarm, image="app:1", stack="shop").run()

    spec = live(swarm, "shop_web")
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert spec["Labels"]["com.docker.stack.namespace"] == "shop"
    assert container["Labels"]["com.docker.stack.namespace"] == "shop"


def test_creating_again_after_a_crash_creates_nothing_twice() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    action = loop.plan().actions[0]
    ports = fake_ports(swarm)
    RECONCILER.act(loop.target, action, ports)

    assert RECONCILER.act(loop.target, action, ports) == "exists already"


def test_a_service_that_appeared_meanwhile_is_not_taken() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    action = loop.plan().actions[0]
    swarm.create(service_spec())

    with pytest.raises(Retry, match="created by somebody else"):
        RECONCILER.act(loop.target, action, fake_ports(swarm))


def test_without_an_image_or_a_memory_nothing_can_be_created() -> None:
    plan = loop_on(FakeSwarm(), replicas=2).plan()

    assert plan.blocked == (
        "CannotCreate",
        "there is no service web: declare spec.image, so that it can be created",
    )


def test_create_false_leaves_it_missing() -> None:
    plan = loop_on(FakeSwarm(), image="app:1", create=False).plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "ServiceMissing"


def test_an_existing_service_is_not_touched_without_adopt() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec(replicas=5))
    loop = loop_on(swarm, replicas=3)
    before = swarm.writes

    plan = loop.plan()
    verification = loop.run()

    assert plan.blocked is not None
    assert plan.blocked[0] == "NotAdopted"
    assert "set spec.adopt to true" in plan.blocked[1]
    assert verification.failure == plan.blocked
    assert swarm.writes == before
    assert "serviceId" not in loop.status


def test_adopting_writes_labels_only_and_restarts_nothing() -> None:
    swarm = FakeSwarm()
    id_ = swarm.create(service_spec(replicas=2))
    tasks = swarm.tasks(id_)
    loop = loop_on(swarm, adopt=True, replicas=2)

    plan = loop.plan()
    loop.run()

    assert [(a.runbook, a.risk) for a in plan.actions] == [("adopt", Risk.LOW)]
    assert swarm.tasks(id_) == tasks
    assert live(swarm)["Labels"][OBJECT] == "SwarmService/web"
    assert CREATED not in live(swarm)["Labels"]
    assert loop.plan().in_sync


def test_adopting_a_drifted_service_corrects_it_too() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec(replicas=5))
    loop = loop_on(swarm, adopt=True, replicas=3)

    plan = loop.plan()
    loop.run()

    assert [a.runbook for a in plan.actions] == ["adopt", "scale"]
    assert live(swarm)["Mode"]["Replicated"]["Replicas"] == 3


def test_a_service_of_another_object_is_left_alone_even_with_adopt() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec(labels={OBJECT: "SwarmService/other"}))

    plan = loop_on(swarm, adopt=True, replicas=3).plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "ForeignOwner"
    assert "SwarmService/other" in plan.blocked[1]


def test_labels_that_a_stack_deploy_wiped_are_put_back() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    swarm.edit("web", lambda spec: spec.update(Labels={}))

    plan = loop.plan()
    loop.run()

    assert [a.runbook for a in plan.actions] == ["adopt"]
    assert live(swarm)["Labels"][OBJECT] == "SwarmService/web"
    assert live(swarm)["Labels"][CREATED] == "true"


def test_a_deleted_service_comes_back_whole() -> None:
    swarm = FakeSwarm()
    swarm.add("networks", "front")
    spec = service_spec(replicas=2, env=("A=1",), image="app:7")
    spec["TaskTemplate"]["Networks"] = [{"Target": "front"}]
    swarm.create(spec)
    loop = loop_on(swarm, adopt=True, env={"B": "2"})
    loop.run()
    loop.run()
    swarm.delete("web")
    swarm.add("networks", "front")  # made anew: another id

    plan = loop.plan()
    loop.run()

    assert [(a.runbook, a.risk) for a in plan.actions] == [("create", Risk.MEDIUM)]
    template = live(swarm)["TaskTemplate"]
    assert template["ContainerSpec"]["Image"] == "app:7"
    assert template["ContainerSpec"]["Env"] == ["A=1", "B=2"]
    assert template["Networks"][0]["Target"] == swarm.ids("networks")["front"]
    assert live(swarm)["Mode"]["Replicated"]["Replicas"] == 2
    assert CREATED not in live(swarm)["Labels"]  # it was adopted, and stays so


def test_what_is_remembered_is_written_once() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    target = loop.target

    observed = RECONCILER.observe(target, fake_ports(swarm))

    assert loop.memory is not None
    assert RECONCILER.remember(target, observed) is None


def test_a_spec_that_is_not_as_declared_is_not_remembered() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    remembered = loop.memory
    swarm.edit("web", lambda s: s["TaskTemplate"]["ContainerSpec"].update(Image="evil:1"))

    loop.run(act=False)

    assert loop.memory == remembered


def test_a_changed_service_name_asks_a_human() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    loop.declare({"image": "app:1", "serviceName": "shop"})

    plan = loop.plan()
    loop.run()

    assert plan.blocked is not None
    assert plan.blocked[0] == "ServiceRenamed"
    assert loop.plan().blocked == plan.blocked


@pytest.mark.parametrize(
    ("adopted", "policy", "expected"),
    [
        pytest.param(False, None, [("remove", Risk.HIGH)], id="created: removed"),
        pytest.param(True, None, [("release", Risk.LOW)], id="adopted: let go"),
        pytest.param(False, "Orphan", [("release", Risk.LOW)], id="created, Orphan: let go"),
        pytest.param(True, "Delete", [("remove", Risk.HIGH)], id="adopted, Delete: removed"),
    ],
)
def test_a_deleted_object_honours_its_policy(
    adopted: bool, policy: str | None, expected: list[tuple[str, Risk]]
) -> None:
    swarm = FakeSwarm()
    if adopted:
        swarm.create(service_spec())
    declared = {"image": "app:1", "adopt": adopted}
    loop = loop_on(swarm, **declared | ({"deletionPolicy": policy} if policy else {}))
    loop.run()

    plan = loop.delete()

    assert [(a.runbook, a.risk) for a in plan.actions] == expected
    assert loop.delete().in_sync
    service = swarm.service("web")
    assert (service is None) == (expected[0][0] == "remove")
    assert service is None or "swarmkeeper.dev" not in repr(service.spec)


def test_a_service_that_is_not_ours_survives_the_deletion_of_the_object() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec())
    loop = loop_on(swarm, image="app:1", deletionPolicy="Delete")

    assert loop.delete().in_sync
    assert swarm.service("web") is not None


def test_an_unanswering_engine_removes_nothing() -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    swarm.available = False

    assert loop.delete().unknown


def test_a_service_that_comes_back_uses_the_secrets_and_configs_of_today() -> None:
    swarm = FakeSwarm()
    swarm.add("secrets", "pw")
    swarm.add("configs", "conf")
    spec = service_spec()
    container = spec["TaskTemplate"]["ContainerSpec"]
    container["Secrets"] = [{"SecretName": "pw", "SecretID": swarm.ids("secrets")["pw"]}]
    container["Configs"] = [{"ConfigName": "conf", "ConfigID": swarm.ids("configs")["conf"]}]
    swarm.create(spec)
    loop = loop_on(swarm, adopt=True, replicas=1)
    loop.run()
    swarm.delete("web")
    swarm.add("secrets", "pw")  # made anew: another id
    swarm.add("configs", "conf")

    loop.run()

    container = live(swarm)["TaskTemplate"]["ContainerSpec"]
    assert container["Secrets"][0]["SecretID"] == swarm.ids("secrets")["pw"]
    assert container["Configs"][0]["ConfigID"] == swarm.ids("configs")["conf"]


@pytest.mark.parametrize("runbook", ["update", "scale", "restart", "adopt", "rollback-service"])
def test_a_service_that_vanished_since_the_plan_is_looked_at_again(runbook: str) -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1", replicas=1)
    loop.run()
    swarm.delete("web")

    with pytest.raises(Retry):
        loop.ask(runbook)


@pytest.mark.parametrize("runbook", ["update", "restart", "remove", "adopt", "rollback-service"])
def test_a_service_that_another_object_took_since_the_plan_is_left_alone(runbook: str) -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1", replicas=1)
    loop.run()
    swarm.edit("web", lambda spec: spec["Labels"].update({OBJECT: "SwarmService/other"}))
    before = live(swarm)

    with pytest.raises(Retry):
        loop.ask(runbook)

    assert live(swarm) == before


@pytest.mark.parametrize("runbook", ["remove", "release"])
def test_letting_go_twice_is_the_same_as_once(runbook: str) -> None:
    swarm = FakeSwarm()
    loop = loop_on(swarm, image="app:1")
    loop.run()
    loop.ask(runbook)
    writes = swarm.calls["write"]

    assert loop.ask(runbook) in ("is gone already", "was not ours any more")
    assert swarm.calls["write"] == writes


def test_a_job_is_not_a_service() -> None:
    swarm = FakeSwarm()
    swarm.create({**service_spec(), "Mode": {"GlobalJob": {}}})

    plan = loop_on(swarm, adopt=True, image="app:1").plan()

    assert plan.blocked is not None
    assert plan.blocked[0] == "UnsupportedMode"
