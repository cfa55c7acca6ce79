"""The stand-ins do what their namesakes do, and are reached from the root namespace."""

from __future__ import annotations

import base64
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import redis

from swarmkeeper.sandbox import Engine, Sandbox

Start = Callable[..., None]


@pytest.fixture
def engine(sandbox: Sandbox) -> Engine:
    return sandbox.nodes[0].engine


@pytest.fixture
def network(engine: Engine) -> Iterator[str]:
    """An overlay network. Docker waits for 2 s before it stops a container that is on one."""
    name = "images"
    engine.post("/networks/create", {"Name": name, "Driver": "overlay", "Attachable": True})
    yield name
    eventually(lambda: not engine.get('/containers/json?filters={"network":["images"]}'))
    engine.delete(f"/networks/{name}")


@pytest.fixture
def start(engine: Engine) -> Iterator[Start]:
    """Starts services that go after the test."""
    services: list[str] = []

    def begin(name: str, port: int = 0, network: str = "", **container: Any) -> None:
        published = {"TargetPort": port, "PublishedPort": port, "PublishMode": "host"}
        networks = [{"Target": network}] if network else []
        body = {
            "Name": name,
            "TaskTemplate": {"ContainerSpec": container, "Networks": networks},
            "EndpointSpec": {"Mode": "dnsrr", "Ports": [published] if port else []},
            "RollbackConfig": {"Monitor": 10**9, "Order": "start-first"},
        }
        services.append(str(engine.post("/services/create", body)["ID"]))

    yield begin
    for service in services:
        engine.delete(f"/services/{service}")


def eventually(true: Callable[[], object], timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            if true():
                return
        except (redis.ConnectionError, psycopg.OperationalError, OSError):
            pass
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def test_an_agent_acknowledges_every_entry_of_its_stream(
    sandbox: Sandbox, network: str, start: Start
) -> None:
    env = ["REDIS_HOST=redis", "STREAM=tasks", "GROUP=g"]
    start("redis", port=6379, network=network, Image="redis:7-alpine")
    start("agent", network=network, Image="swarmkeeper/agent:1", Env=env)
    with redis.Redis(str(sandbox.address), decode_responses=True) as client:
        eventually(client.ping)
        for number in range(5):
            client.xadd("tasks", {"number": str(number), "text": "1-1\n2-2"})

        eventually(lambda: [group["lag"] for group in client.xinfo_groups("tasks")] == [0])
        eventually(lambda: client.xpending("tasks", "g")["pending"] == 0)

        assert client.xinfo_groups("tasks")[0]["entries-read"] == 5


def test_postgres_takes_its_password_from_a_secret(
    sandbox: Sandbox, engine: Engine, start: Start
) -> None:
    data = base64.b64encode(b"hidden").decode()
    secret = engine.post("/secrets/create", {"Name": "password", "Data": data})["ID"]
    file = {"Name": "password", "UID": "0", "GID": "0", "Mode": 0o444}
    start(
        "postgres",
        port=5432,
        Image="postgres:15",
        Env=["POSTGRES_PASSWORD_FILE=/run/secrets/password", "POSTGRES_DB=agents"],
        Secrets=[{"SecretID": secret, "SecretName": "password", "File": file}],
    )

    def version() -> Any:
        with psycopg.connect(
            host=str(sandbox.address),
            user="postgres",
            password="hidden",
            dbname="agents",
            connect_timeout=5,
        ) as connection:
            return connection.execute("show server_version_num").fetchone()

    eventually(version)
    assert version()[0].startswith("15")


def test_traefik_is_the_real_one(sandbox: Sandbox, start: Start) -> None:
    arguments = ["--ping=true", "--ping.entrypoint=web", "--entrypoints.web.address=:8080"]
    start("traefik", port=8080, Image="traefik:v3", Args=arguments)

    def ping() -> bool:
        with urllib.request.urlopen(f"http://{sandbox.address}:8080/ping", timeout=5) as answer:
            return bool(answer.read() == b"OK")

    eventually(ping)


def test_a_broken_app_is_rolled_back_within_seconds(engine: Engine, start: Start) -> None:
    start("web", Image="swarmkeeper/app:1")
    eventually(lambda: tasks(engine, "running"))
    service = engine.get("/services/web")
    spec = service["Spec"]
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "swarmkeeper/app:broken"
    spec["UpdateConfig"] = {"FailureAction": "rollback", "Monitor": 10**9, "Order": "start-first"}

    engine.post(f"/services/{service['ID']}/update?version={service['Version']['Index']}", spec)

    def outcome() -> str:
        return str(engine.get("/services/web").get("UpdateStatus", {}).get("State", ""))

    eventually(lambda: outcome() == "rollback_completed")


def tasks(engine: Engine, state: str) -> list[Any]:
    found = engine.get('/tasks?filters={"service":["web"],"desired-state":["running"]}')
    return [task for task in found if task["Status"]["State"] == state]
