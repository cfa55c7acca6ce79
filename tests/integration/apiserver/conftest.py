"""An API over TLS, as kubectl needs it; emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.api import Api, running_api

from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.server import ServerOptions


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    certificate = ServerCertificate.in_folder(tmp_path_factory.mktemp("certificate"))
    with running_api(options=ServerOptions(certificate=certificate)) as api:
        yield api


@pytest.fixture
def api(server: Api) -> Api:
    server.clear()
    return server
