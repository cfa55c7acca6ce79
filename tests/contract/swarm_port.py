"""What every implementation of the port Swarm does; run on the fake one and on a real one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from desired_state.objects import JsonObject
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, Service, Swarm, Task
from swarmkeeper.testing import service_spec

IMAGE = "swarmkeeper/app:1"
_numbers = count(1)


def eventually(holds: Callable[[], bool], *, within: float = 20.0) -> None:
    """Waits until something holds; on the fake it does so at once."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


class SwarmPort:
    """A mixin of tests: a subclass gives the fixture `swarm`."""

    @pytest.fixture
    def name(self, swarm: Swarm) -> Iterator[str]:
        """A name that no other test uses; a service of it is taken away."""
        name = f"port-{next(_numbers)}"
        yield name
        left = swarm.service(name)
        if left is not None:
            swarm.remove(left.id)

    def test_a_service_that_does_not_exist_is_none(self, swarm: Swarm) -> None:
        assert swarm.service("nobody") is None

    def test_a_created_service_is_found_by_its_name(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))

        service = read(swarm, name)

        assert (service.id, service.name) == (id_, name)
        assert service.spec["Name"] == name
        assert service.previous_spec is None
        assert service.update_status == {}

    def test_the_beginning_of_an_id_is_no_name(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))

        assert swarm.service(id_[:12]) is None

    def test_a_name_that_is_taken_is_refused(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))

        with pytest.raises(Refused, match="name conflicts"):
            swarm.create(spec_of(name))

    def test_an_unknown_network_is_refused(self, swarm: Swarm, name: str) -> None:
        spec = spec_of(name)
        spec["TaskTemplate"]["Networks"] = [{"Target": "no-such-network"}]

        with pytest.raises(Refused, match="network no-such-network not found"):
            swarm.create(spec)

    def test_an_update_writes_the_whole_spec_and_keeps_the_previous(
        self, swarm: Swarm, name: str
    ) -> None:
        swarm.create(spec_of(name))
        before = read(swarm, name)

        replaced = swarm.update(before.id, labelled("a", "1"))

        after = read(swarm, name)
        assert replaced == before.version
        assert after.version > before.version
        assert after.spec == {**before.spec, "Labels": {"a": "1"}}
        assert after.previous_spec == before.spec

    def test_an_update_by_name_is_fine(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))

        swarm.update(name, labelled("a", "1"))

        assert read(swarm, name).spec["Labels"] == {"a": "1"}

    def test_an_update_that_changes_nothing_writes_nothing(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))
        before = read(swarm, name)

        assert swarm.update(before.id, lambda _: None) is None
        assert read(swarm, name).version == before.version

    def test_another_writer_in_between_is_read_again(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))
        others = iter([True, False])

        def change(fresh: Service) -> JsonObject:
            if next(others):
                swarm.update(fresh.id, labelled("other", "1"))
            return {**fresh.spec, "Labels": {**fresh.spec["Labels"], "ours": "1"}}

        swarm.update(name, change)

        assert read(swarm, name).spec["Labels"] == {"other": "1", "ours": "1"}

    def test_a_writer_who_is_always_faster_wins(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))
        numbers = count()

        def change(fresh: Service) -> JsonObject:
            swarm.update(fresh.id, labelled("other", str(next(numbers))))
            return {**fresh.spec, "Labels": {"ours": "1"}}

        with pytest.raises(OutOfSequence):
            swarm.update(name, change)

        assert "ours" not in read(swarm, name).spec["Labels"]

    def test_a_service_that_is_gone_can_not_be_updated(self, swarm: Swarm) -> None:
        with pytest.raises(Refused, match="nobody not found"):
            swarm.update("nobody", lambda fresh: fresh.spec)

    def test_a_changed_mode_is_refused(self, swarm: Swarm, name: str) -> None:
        swarm.create(spec_of(name))

        with pytest.raises(Refused, match="service mode change is not allowed"):
            swarm.update(name, lambda fresh: {**fresh.spec, "Mode": {"Global": {}}})

    def test_labels_and_replicas_restart_nothing(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name, replicas=2))
        eventually(lambda: len(running(swarm, id_)) == 2)
        before = {task.id for task in running(swarm, id_)}

        swarm.update(name, labelled("a", "1"))
        swarm.update(name, replicated(1))

        eventually(lambda: len(running(swarm, id_)) == 1)
        assert {task.id for task in running(swarm, id_)} < before

    def test_tasks_are_made_from_the_present_spec(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name, replicas=2))
        eventually(lambda: len(running(swarm, id_)) == 2)

        template = read(swarm, name).spec["TaskTemplate"]

        for task in running(swarm, id_):
            assert task.spec == {k: v for k, v in template.items() if k != "Runtime"}
            assert task.node_id in {node.id for node in swarm.nodes()}
            assert task.image == IMAGE

    def test_an_update_of_the_image_replaces_the_tasks(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))
        eventually(lambda: len(running(swarm, id_)) == 1)

        swarm.update(name, with_image("swarmkeeper/app:2"))

        eventually(lambda: read(swarm, name).update_status.get("State") == "completed")
        assert [task.image for task in running(swarm, id_)] == ["swarmkeeper/app:2"]

    def test_a_rollback_swaps_the_spec_with_the_previous(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))
        eventually(lambda: len(running(swarm, id_)) == 1)
        swarm.update(name, labelled("a", "1"))
        first, second = read(swarm, name).previous_spec, read(swarm, name).spec

        swarm.rollback(id_, read(swarm, name).version)

        assert read(swarm, name).spec == first
        assert read(swarm, name).previous_spec == second
        assert str(read(swarm, name).update_status["State"]).startswith("rollback_")

    def test_a_rollback_without_a_previous_spec_is_refused(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))

        with pytest.raises(Refused, match="does not have a previous spec"):
            swarm.rollback(id_, read(swarm, name).version)

    def test_a_rollback_at_an_old_version_is_out_of_sequence(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name))
        old = read(swarm, name).version
        swarm.update(name, labelled("a", "1"))

        with pytest.raises(OutOfSequence):
            swarm.rollback(id_, old)

    def test_a_removed_service_is_none_and_removing_it_again_is_fine(
        self, swarm: Swarm, name: str
    ) -> None:
        id_ = swarm.create(spec_of(name))

        swarm.remove(id_)
        swarm.remove(id_)

        assert swarm.service(name) is None

    def test_an_image_that_can_not_be_had_shows_in_the_tasks(self, swarm: Swarm, name: str) -> None:
        id_ = swarm.create(spec_of(name, image="swarmkeeper/none:1"))

        eventually(lambda: any("No such image" in task.error for task in swarm.tasks(id_)))

        assert running(swarm, id_) == []

    def test_defaults_of_policies_are_filled_in(self, swarm: Swarm, name: str) -> None:
        swarm.create({**spec_of(name), "UpdateConfig": {"Parallelism": 2}})

        assert read(swarm, name).spec["UpdateConfig"] == {
            "Parallelism": 2,
            "FailureAction": "pause",
            "MaxFailureRatio": 0,
            "Order": "stop-first",
        }

    def test_nodes_are_known_with_their_address(self, swarm: Swarm) -> None:
        manager = next(node for node in swarm.nodes() if node.role == "manager")

        assert manager.ready
        assert manager.availability == "active"
        assert manager.address.count(".") == 3


def spec_of(name: str, *, image: str = IMAGE, replicas: int = 1) -> JsonObject:
    spec = service_spec(name, image=image, replicas=replicas)
    spec["TaskTemplate"]["ContainerSpec"]["StopGracePeriod"] = 10**9
    return spec


def read(swarm: Swarm, name: str) -> Service:
    service = swarm.service(name)
    assert service is not None
    return service


def running(swarm: Swarm, id_: str) -> list[Task]:
    return [
        task
        for task in swarm.tasks(id_)
        if task.state == "running" and task.desired_state == "running"
    ]


def labelled(key: str, value: str) -> Callable[[Service], JsonObject]:
    return lambda fresh: {**fresh.spec, "Labels": {**fresh.spec["Labels"], key: value}}


def replicated(replicas: int) -> Callable[[Service], JsonObject]:
    return lambda fresh: {**fresh.spec, "Mode": {"Replicated": {"Replicas": replicas}}}


def with_image(image: str) -> Callable[[Service], JsonObject]:
    def change(fresh: Service) -> JsonObject:
        template = fresh.spec["TaskTemplate"]
        container = {**template["ContainerSpec"], "Image": image}
        return {**fresh.spec, "TaskTemplate": {**template, "ContainerSpec": container}}

    return change
