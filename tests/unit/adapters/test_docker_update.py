"""One read serves the decision and the write; the engine's version check tells when it was too old."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from swarmkeeper.adapters.docker.connection import Answer
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.swarm import OutOfSequence


class StubEngine:
    """Answers like an engine with one service, and counts."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.version = 7
        self.reads = 0
        self.written: list[str] = []
        self._refusals = refusals

    def get(self, _path: str, _filters: Any = None) -> Answer:
        self.reads += 1
        spec = {"Name": "web", "Labels": {}, "TaskTemplate": {}, "Mode": {}}
        document = {"ID": "id1", "Version": {"Index": self.version}, "Spec": spec}
        times = {"CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z"}
        return Answer(200, orjson.dumps({**document, **times}))

    def send(self, _method: str, path: str, *_: Any) -> Answer:
        if self._refusals:
            self._refusals -= 1
            self.version += 1
            return Answer(500, b'{"message": "rpc error: update out of sequence"}')
        self.written.append(path)
        self.version += 1
        return Answer(200, b"{}")


def swarm_on(engine: StubEngine) -> DockerSwarm:
    swarm = DockerSwarm("unix:///nowhere.sock", registry_auth=lambda _image: None)
    swarm._engine = engine  # type: ignore[assignment]
    return swarm


def test_what_was_just_read_is_not_read_again() -> None:
    engine = StubEngine()
    swarm = swarm_on(engine)
    swarm.service("web")

    assert swarm.update("web", lambda fresh: fresh.spec) == 7

    assert engine.reads == 1
    assert engine.written == ["/services/id1/update?version=7"]


def test_a_read_serves_one_write_only() -> None:
    engine = StubEngine()
    swarm = swarm_on(engine)
    swarm.service("web")
    swarm.update("web", lambda fresh: fresh.spec)

    assert swarm.update("web", lambda fresh: fresh.spec) == 8

    assert engine.reads == 2


def test_a_read_that_was_too_old_is_made_anew() -> None:
    engine = StubEngine(refusals=1)
    swarm = swarm_on(engine)
    swarm.service("web")

    assert swarm.update("web", lambda fresh: fresh.spec) == 8

    assert engine.reads == 2


def test_a_race_that_is_lost_each_time_is_told() -> None:
    engine = StubEngine(refusals=99)

    with pytest.raises(OutOfSequence):
        swarm_on(engine).update("web", lambda fresh: fresh.spec)
