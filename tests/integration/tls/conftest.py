"""A CA, a server that shows its certificates, and the port onto them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tls import Authority, TlsServer, tls_server

from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import TlsCertificates, in_data_folder


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[TlsServer]:
    with tls_server(tmp_path / "server", authority.issue("app.test")) as server:
        yield server


@pytest.fixture
def secrets(tmp_path: Path, authority: Authority) -> Path:
    """Folder of secrets, with the CA in it."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "ca").write_bytes(authority.pem)
    return folder


@pytest.fixture
def certificates(tmp_path: Path, secrets: Path) -> TlsCertificates:
    folder = SecretFolder(secrets, lambda _: None)
    return in_data_folder(
        folder, tmp_path / "data", tmp_path / "published", SystemClock(), ("127.0.0.1", 0)
    )
