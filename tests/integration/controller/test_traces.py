"""Traces over OTLP, as a receiver gets them: one pass with its steps, and what a bad receiver does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.harness import Harness
from support.otlp import Received, Receiver, receiver

from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.adapters.otlp import OtlpTracer
from swarmkeeper.controller.passes import Passes
from swarmkeeper.controller.traced import traced
from swarmkeeper.runtime import log_context
from swarmkeeper.runtime.errors import Retry
from swarmkeeper.runtime.ports import ProbeError
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.swarm import SwarmUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
        yield made


class Traced:
    """An engine on the toy kind that is traced."""

    def __init__(self) -> None:
        self.engine = Harness()
        self.tracer = OtlpTracer(Redactor().text)
        self.registry = CollectorRegistry()
        self.tracer.register(self.registry)
        self.passes = Passes(traced(self.engine.deps, self.tracer))

    def outcome(self, outcome: str) -> float:
        name = "swarmkeeper_trace_spans_total"
        return self.registry.get_sample_value(name, {"outcome": outcome}) or 0


def names(spans: list[Received]) -> list[str]:
    return [span.name for span in spans]


def test_a_pass_is_one_trace_of_its_steps(collector: Receiver) -> None:
    world = Traced()
    ref = world.engine.declare(value=3, annotations={"swarmkeeper.dev/revision": "main@sha1:abc"})

    world.passes.run(ref)
    world.tracer.close()

    (root,) = collector.roots("reconcile")
    steps = ["observe", "plan", "guard", "act", "observe", "plan", "verify", "status"]
    assert names(collector.below(root)) == steps
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert root.attributes == {
        "swarmkeeper.kind": "Gauge",
        "swarmkeeper.namespace": "default",
        "swarmkeeper.name": "a",
        "swarmkeeper.uid": world.engine.stored(ref)["metadata"]["uid"],
        "swarmkeeper.generation": 1,
        "swarmkeeper.revision": "main@sha1:abc",
        "swarmkeeper.reconcile_id": world.engine.records()[0].step.reconcile_id,
        "swarmkeeper.result": "success",
    }
    act = next(span for span in collector.spans if span.name == "act")
    assert act.attributes == {
        "swarmkeeper.runbook": "set",
        "swarmkeeper.target": "gauge/a",
        "swarmkeeper.risk": "LOW",
        "swarmkeeper.outcome": "set to 3",
    }
    assert collector.services == {"swarmkeeper"}
    assert world.outcome("Delivered") == len(collector.spans)


def test_each_pass_is_a_trace_of_its_own(collector: Receiver) -> None:
    world = Traced()
    first, second = world.engine.declare("a", value=3), world.engine.declare("b", value=3)

    world.passes.run(first)
    world.passes.run(second)
    world.tracer.close()

    one, other = collector.roots("reconcile")
    assert one.trace_id != other.trace_id


def test_a_hold_and_its_reason_are_seen(collector: Receiver) -> None:
    world = Traced()
    ref = world.engine.declare(value=3, mode="Warn")

    world.passes.run(ref)
    world.tracer.close()

    guard = next(span for span in collector.spans if span.name == "guard")
    assert guard.attributes["swarmkeeper.hold"] == "DriftDetected"


def test_the_end_of_an_object_is_traced_with_its_guard(collector: Receiver) -> None:
    world = Traced()
    ref = world.engine.declare(value=3)
    world.passes.run(ref)
    finalizers = {"metadata": {"finalizers": ["swarmkeeper.dev/finalizer"]}}
    world.engine.objects.patch(ref, finalizers, actor="test")
    world.engine.objects.delete(ref, actor="test")

    world.passes.run(ref)
    world.tracer.close()

    last = collector.roots("reconcile")[-1]
    assert names(collector.below(last)) == [
        "observe",
        "finalize",
        "guard",
        "act",
        "observe",
        "finalize",
    ]


def test_a_failed_step_says_why_and_an_unexpected_error_only_what_it_is(
    collector: Receiver,
) -> None:
    world = Traced()
    ref = world.engine.declare(value=3)

    def fail() -> None:
        raise Retry("could not log in at postgres://u:hunter22@db")

    def break_down() -> None:
        raise RuntimeError("hunter22")

    for fault in (fail, break_down):
        world.engine.world.before_write = fault
        world.passes.run(ref)
    world.tracer.close()

    errors = [span.error for span in collector.spans if span.name == "act"]
    assert errors == ["could not log in at postgres://u:***@db", "RuntimeError"]
    assert not any(b"hunter22" in body for body in collector.raw)


def test_log_lines_of_a_traced_pass_carry_its_trace_id(
    collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world = Traced()
    ref = world.engine.declare(value=3)
    seen: list[str] = []
    world.engine.world.before_write = lambda: seen.append(log_context.current()["trace_id"])

    world.passes.run(ref)
    world.tracer.close()

    (root,) = collector.roots("reconcile")
    assert seen == [root.trace_id]
    assert log_context.current() == {}


def test_a_call_of_the_engine_that_gets_no_answer_is_a_failed_client_span(
    collector: Receiver, tmp_path: Path
) -> None:
    tracer = OtlpTracer(Redactor().text)
    swarm = DockerSwarm(f"unix://{tmp_path}/nobody.sock", tracer=tracer)

    with pytest.raises(SwarmUnavailable):
        swarm.service("web")
    tracer.close()

    (span,) = collector.spans
    assert (span.name, span.client) == ("GET /services/{id}", True)
    assert span.error
    assert span.attributes["error.type"] == "SwarmUnavailable"


def test_a_health_url_is_told_by_its_host_alone(collector: Receiver) -> None:
    tracer = OtlpTracer(Redactor().text)

    with pytest.raises(ProbeError):
        UrlProbe(tracer=tracer).get("http://127.0.0.1:1/health?key=hunter22", timeout=5)
    tracer.close()

    (span,) = collector.spans
    assert (span.name, span.client, span.attributes["server.address"]) == ("GET", True, "127.0.0.1")
    assert "refused" in span.error
    assert not any(b"hunter22" in body for body in collector.raw)


@pytest.mark.parametrize("code", [400, 503], ids=["refuses", "unavailable"])
def test_a_receiver_that_takes_nothing_costs_spans_and_no_pass(
    collector: Receiver, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.code = code
    world = Traced()
    ref = world.engine.declare(value=3)

    outcome = world.passes.run(ref)
    world.tracer.close()

    assert outcome.result == "success"
    assert world.engine.condition(ref, "Ready") == ("True", "ReconciliationSucceeded")
    assert (world.outcome("Failed"), world.outcome("Delivered")) == (9, 0)
    told = [r.getMessage() for r in caplog.records if "trace" in r.getMessage()]
    assert told == ["traces are not delivered"]


def test_a_receiver_that_hangs_holds_up_neither_passes_nor_the_end(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    collector.hold.clear()
    world = Traced()
    refs = [world.engine.declare(f"g{number}", value=3) for number in range(10)]

    results = [world.passes.run(ref).result for ref in refs]
    world.tracer.close()  # would not return before the receiver answers, if it waited for it

    assert results == ["success"] * 10
    assert not collector.spans
    assert world.outcome("Dropped") >= 90 - 8 - 4 * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector-hunter22:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-hunter22"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "hunter22"),
    ],
)
def test_a_variable_that_can_not_be_followed_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=name) as raised:
        OtlpTracer(Redactor().text)

    assert "hunter22" not in str(raised.value)
