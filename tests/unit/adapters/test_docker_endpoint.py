"""Where an engine listens, and what TLS is spoken to it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from swarmkeeper.adapters.docker.connection import Engine
from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.runtime.swarm import SwarmUnavailable


class Ping(BaseHTTPRequestHandler):
    """Answers `{}`."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class TlsServer(ThreadingHTTPServer):
    """Refused handshakes are the client's affair."""

    def handle_error(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(autouse=True)
def _no_tls_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder as DOCKER_CERT_PATH names one."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    shutil.copy(tmp_path / "cert.pem", tmp_path / "ca.pem")
    return tmp_path


@pytest.fixture
def port(certificates: Path) -> Iterator[int]:
    """An engine that only speaks with those who show its own certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    with TlsServer(("localhost", 0), Ping) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("docker_host", "url"),
    [
        ("unix:///run/docker.sock", "http+unix:///run/docker.sock"),
        ("tcp://10.0.0.1:2375", "http://10.0.0.1:2375"),
        ("tcp://manager", "http://manager:2375"),
        ("tcp://[::1]:2375", "http://[::1]:2375"),
        ("https://manager:2376", "https://manager:2376"),
    ],
)
def test_docker_host_is_read(docker_host: str, url: str) -> None:
    assert Endpoint.parse(docker_host).url == url


@pytest.mark.parametrize(
    "docker_host",
    ["", "/run/docker.sock", "ssh://host", "unix://", "tcp://", "tcp://host:port", "npipe:////./x"],
)
def test_what_is_no_docker_host_is_refused(docker_host: str) -> None:
    with pytest.raises(ValueError, match="is no Docker host"):
        Endpoint.parse(docker_host)


def test_tls_is_spoken_as_the_environment_says(
    certificates: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    engine = Engine(Endpoint.parse(f"tcp://localhost:{port}"), timeout=5)

    assert engine.get("/_ping").json() == {}

    engine.close()
    assert Endpoint.parse("tcp://manager").url == "https://manager:2376"
    assert Endpoint.parse("unix:///run/docker.sock").tls == {}


def test_an_engine_with_an_unknown_certificate_is_not_believed(port: int) -> None:
    engine = Engine(Endpoint.parse(f"https://localhost:{port}"), timeout=5)

    with pytest.raises(SwarmUnavailable, match=r"self.signed certificate"):
        engine.get("/_ping")

    engine.close()


def test_certificates_that_are_not_there_are_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))

    with pytest.raises(ValueError, match=r"TLS to tcp://manager:2376: .*certificate"):
        Endpoint.parse("tcp://manager:2376")


def test_nobody_at_a_port_is_said(unused: int) -> None:
    engine = Engine(Endpoint.parse(f"tcp://127.0.0.1:{unused}"), timeout=5)

    with pytest.raises(SwarmUnavailable, match=rf"^tcp://127.0.0.1:{unused}: .*refused$"):
        engine.get("/_ping")

    engine.close()


@pytest.fixture
def unused() -> int:
    """A port at which nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Ping) as server:
        return server.server_port
