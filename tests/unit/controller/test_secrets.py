"""A secret's value reaches no log line, event, status, audit entry or metric."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest
from support.harness import HandClock, Harness

from desired_state.objects import API_VERSION, ObjectRef
from reconcilers.registry import RECONCILERS
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.testing.http import FakeHttp
from swarmkeeper.testing.swarm import FakeSwarm

REF = ObjectRef("SwarmService", "web")
DECLARED = "declared-hunter2"
FOUND = "found-hunter3"


def told(engine: Harness, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that the operator has said, to anyone."""
    stored = engine.stored(REF)
    audit = [[record.step, record.outcome, record.verification] for record in engine.records()]
    logged = [vars(record) for record in caplog.records]
    parts: list[Any] = [stored.get("status"), stored["metadata"], engine.objects.list("Event")]
    text = orjson.dumps([*parts, audit, logged], default=repr).decode()
    return text + engine.deps.metrics.render().decode()


def test_the_value_of_a_secret_variable_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    swarm = FakeSwarm()
    engine = Harness(reconcilers=RECONCILERS, ports=Ports(swarm, FakeHttp(), HandClock()))
    engine.objects.create(
        {
            "apiVersion": API_VERSION,
            "kind": "SwarmService",
            "metadata": {"name": "web"},
            "spec": {"image": "web:1", "replicas": 1, "env": {"API_TOKEN": DECLARED}},
        },
        actor="test",
    )
    engine.run(REF)

    def meddle(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"API_TOKEN={FOUND}"]

    swarm.edit("web", meddle)
    engine.run(REF)
    engine.objects.patch(REF, {"spec": {"mode": "Warn"}}, actor="test")
    swarm.edit("web", meddle)
    engine.run(REF)

    text = told(engine, caplog)
    assert "API_TOKEN" in text
    assert engine.status(REF)["drift"][0]["path"] == "spec.env.API_TOKEN"
    assert DECLARED not in text
    assert FOUND not in text
