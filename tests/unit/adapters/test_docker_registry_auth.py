"""A service is created with the credentials of its image's registry, where there are any."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.testing import service_spec

ID = b'{"ID": "x"}'


class Engine(HTTPServer):
    """Creates every service, and keeps the credentials that came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    """Says that it is done."""

    server: Engine

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(self.headers["X-Registry-Auth"])
        self.send_response(201)
        self.send_header("Content-Length", str(len(ID)))
        self.end_headers()
        self.wfile.write(ID)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_only_an_image_of_a_registry_with_a_login_goes_with_credentials(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"auth": base64.b64encode(b"robot:hunter2").decode()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"ghcr.io": login}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    swarm = DockerSwarm(f"tcp://127.0.0.1:{engine.server_port}")

    for image in ("ghcr.io/team/web:1", "nginx"):
        assert swarm.create(service_spec("web", image=image)) == "x"

    swarm.close()
    sent, none = engine.received
    assert sent is not None
    assert json.loads(base64.urlsafe_b64decode(sent))["password"] == "hunter2"
    assert none is None
