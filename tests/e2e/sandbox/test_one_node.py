"""One node: a service runs, its health is seen from here, images have digests."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from swarmkeeper.sandbox import Engine, Sandbox

IMAGE = "swarmkeeper/app:1"


def service(name: str, image: str, port: int = 0) -> dict[str, Any]:
    published = {"TargetPort": 8080, "PublishedPort": port, "PublishMode": "host"}
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": image}},
        "EndpointSpec": {"Mode": "dnsrr", "Ports": [published] if port else []},
    }


@pytest.fixture
def engine(sandbox: Sandbox) -> Engine:
    return sandbox.nodes[0].engine


@pytest.fixture
def web(engine: Engine) -> Iterator[str]:
    created = engine.post("/services/create", service("web", IMAGE, port=8080))
    yield str(created["ID"])
    engine.delete(f"/services/{created['ID']}")


def answer(host: str, port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode().strip()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def test_a_published_port_is_reached_from_the_root_namespace(sandbox: Sandbox, web: str) -> None:
    deadline = time.monotonic() + 20
    while answer(str(sandbox.address), 8080, "/health") != (200, "ok"):
        assert time.monotonic() < deadline, web
        time.sleep(0.05)

    assert answer(str(sandbox.address), 8080, "/version") == (200, "1")


@pytest.mark.parametrize(
    "image",
    ["busybox:latest", "redis:7-alpine", "postgres:15", "swarmkeeper/app:1", "swarmkeeper/agent:1"],
)
def test_an_image_resolves_to_a_digest(engine: Engine, image: str) -> None:
    found = engine.get(f"/distribution/{image}/json")

    assert found["Descriptor"]["digest"].startswith("sha256:"), json.dumps(found)


def test_the_node_is_a_manager_with_a_short_heartbeat(engine: Engine) -> None:
    assert engine.get("/swarm")["Spec"]["Dispatcher"]["HeartbeatPeriod"] == 1_000_000_000
