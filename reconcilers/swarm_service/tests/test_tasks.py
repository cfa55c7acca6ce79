"""Which tasks count as made from the service's present spec."""

from __future__ import annotations

from typing import Any

import pytest

from reconcilers.swarm_service.tasks import rollout
from swarmkeeper.runtime.swarm import Node, Service, Task
from swarmkeeper.testing.clock import START

NODES = {"n1": Node("n1", "one", True, "10.0.0.1", "manager", "active")}
CONTAINER = {"ContainerSpec": {"Image": "app:1"}}


def service(**template: Any) -> Service:
    spec = {"Name": "web", "TaskTemplate": {**CONTAINER, **template}}
    return Service("s1", "web", 7, spec, None, {}, START.isoformat(), START.isoformat())


def task(**template: Any) -> Task:
    spec = {**CONTAINER, **template}
    now = START.isoformat()
    return Task("t1", 1, "n1", "running", "running", "", "app:1", now, since=now, spec=spec)


@pytest.mark.parametrize(
    "of_service",
    [
        pytest.param({}, id="the same"),
        pytest.param({"Runtime": "container"}, id="a stack says the runtime, its tasks do not"),
        pytest.param({"Placement": {"Constraints": ["node.role == manager"]}}, id="placement"),
    ],
)
def test_a_task_of_the_present_spec_is_up_to_date(of_service: dict[str, Any]) -> None:
    assert rollout(service(**of_service), [task()], NODES, START).updated == 1


def test_a_task_of_an_earlier_spec_is_not() -> None:
    found = rollout(service(ForceUpdate=1), [task()], NODES, START)

    assert (found.running, found.updated) == (1, 0)
