"""A trace of one pass on a real Swarm: its steps, with the requests to the engine inside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.git import Repository
from support.operator_process import OperatorProcess, eventually
from support.otlp import Received, Receiver, receiver
from support.stage import Stage

from swarmkeeper.adapters.docker.engine import DockerSwarm

NAME = "traced"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path, docker_host: str, collector: Receiver) -> Iterator[Stage]:
    repository = Repository(tmp_path)
    operator = OperatorProcess(
        tmp_path / "operator",
        docker_host,
        repository.url,
        options=["--traces", "--log-format", "json"],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"},
    )
    made = Stage(repository, operator, DockerSwarm(docker_host), NAME)
    yield made
    operator.kill()
    made.clean_up()


def healing(collector: Receiver) -> Received | None:
    """The pass that has scaled the service back."""
    passes = collector.roots("reconcile")
    acted = {span.parent for span in collector.spans if runbook(span) == "scale"}
    return next((root for root in passes if root.id in acted), None)


def runbook(span: Received) -> str:
    return str(span.attributes.get("swarmkeeper.runbook", "")) if span.name == "act" else ""


def test_a_pass_shows_its_steps_with_the_docker_requests_inside(
    stage: Stage, collector: Receiver
) -> None:
    stage.begin()
    stage.scale_by_hand(3)
    eventually(lambda: healing(collector) is not None, what="the trace of the pass that heals")
    root = healing(collector)
    assert root is not None

    steps = collector.below(root)
    calls = {(step.name, call.name) for step in steps for call in collector.below(step)}

    names = [step.name for step in steps]
    assert names == ["observe", "plan", "guard", "act", "observe", "plan", "verify", "status"]
    assert ("observe", "GET /services/{id}") in calls
    assert ("observe", "GET /tasks") in calls
    assert ("act", "POST /services/{id}/update") in calls
    requests = [call for step in steps for call in collector.below(step)]
    assert all(call.client for call in requests)
    assert {call.attributes["http.response.status_code"] for call in requests} == {200}


def test_log_and_trail_lead_to_the_trace(stage: Stage, collector: Receiver) -> None:
    stage.begin()
    eventually(lambda: bool(collector.roots("reconcile")), what="a trace")
    ids = {
        r.attributes["swarmkeeper.reconcile_id"]: r.trace_id for r in collector.roots("reconcile")
    }
    log = stage.operator.log.read_text()

    assert any(f'"reconcile_id":"{id_}"' in log and trace in log for id_, trace in ids.items())
    assert {span.name for span in collector.spans} >= {"sync source", "fetch", "apply"}
