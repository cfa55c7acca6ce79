"""Backups over TLS from a real server: who it is is checked, and each fault has its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.backups import Scene
from support.postgres import PostgresServer, missing, postgres_server
from support.redis_server import free_port
from support.tls import Authority, Pair

pytestmark = pytest.mark.integration
WELL = ("True", "ReconciliationSucceeded")
REFUSED = ("False", "CertificateRefused")
ONLY_TLS = b"local all all trust\nhostssl all all 127.0.0.1/32 trust\n"
OURS, OTHER = Authority("Ours"), Authority("Other")


def show(server: PostgresServer, pair: Pair) -> None:
    """Lets a server speak TLS, and nothing else."""
    server.stop()
    server.give("server.crt", pair.chain)
    server.give("server.key", pair.key)
    server.give("pg_hba.conf", ONLY_TLS)
    server.options["ssl"] = "on"
    server.start()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(port=free_port()) as server:
        show(server, OURS.issue("localhost"))
        yield server


@pytest.fixture
def scene(server: PostgresServer, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(server, tmp_path)
    scene.fill(10)
    scene.secrets.mkdir()
    (scene.secrets / "ours").write_bytes(OURS.pem)
    (scene.secrets / "other").write_bytes(OTHER.pem)
    yield scene
    scene.close()


def way(scene: Scene, sslmode: str, ca: str = "", host: str = "localhost") -> dict[str, Any]:
    """How the server is reached."""
    found: dict[str, Any] = {"host": host, "port": scene.server.port, "sslmode": sslmode}
    return {**found, "caSecretRef": {"name": ca}} if ca else found


@pytest.mark.parametrize(
    ("sslmode", "ca", "host", "found"),
    [
        pytest.param("verify-full", "ours", "localhost", WELL, id="all is checked and well"),
        pytest.param("verify-full", "other", "localhost", REFUSED, id="another CA"),
        pytest.param("verify-full", "ours", "127.0.0.1", REFUSED, id="another name"),
        pytest.param("verify-ca", "ours", "127.0.0.1", WELL, id="the name is not checked"),
        pytest.param("verify-ca", "other", "localhost", REFUSED, id="but the CA is"),
        pytest.param("verify-full", "", "localhost", REFUSED, id="no CA to check it against"),
        pytest.param("require", "", "localhost", WELL, id="nothing is checked"),
        pytest.param("prefer", "", "localhost", WELL, id="TLS is preferred by itself"),
        pytest.param(
            "verify-full", "absent", "localhost", ("False", "SecretMissing"), id="no such secret"
        ),
    ],
)
def test_the_server_is_checked_as_declared(
    scene: Scene, sslmode: str, ca: str, host: str, found: tuple[str, str]
) -> None:
    scene.declare(server=way(scene, sslmode, ca, host))

    assert scene.look() == found

    assert len(scene.names()) == (found == WELL)


def test_a_certificate_that_has_ended_is_refused_until_it_is_renewed(
    tmp_path: Path,
) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(port=free_port()) as server:
        show(server, OURS.issue("localhost", ends=timedelta(hours=-1)))
        scene = Scene(server, tmp_path)
        scene.secrets.mkdir()
        (scene.secrets / "ours").write_bytes(OURS.pem)
        scene.declare(server=way(scene, "verify-full", "ours"))
        assert scene.look() == REFUSED
        assert "certificate verify failed" in scene.message()

        show(server, OURS.issue("localhost"))
        scene.clock.forward(minutes=10)
        assert scene.look() == WELL
        scene.close()


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_a_server_without_tls_is_not_spoken_to_in_the_clear(tmp_path: Path, sslmode: str) -> None:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server(port=free_port()) as server:
        scene = Scene(server, tmp_path)
        scene.secrets.mkdir()
        (scene.secrets / "ours").write_bytes(OURS.pem)
        scene.declare(server=way(scene, sslmode, "ours"))

        assert scene.look() == ("False", "TLSFailed")
        assert scene.names() == []
        scene.close()
