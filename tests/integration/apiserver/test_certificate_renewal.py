"""Certificates that are renewed on disk, seen through real TLS connections."""

from __future__ import annotations

import shutil
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.api import TIMEOUT, Api, running_api

from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.server import ServerOptions

pytestmark = pytest.mark.integration

NAME = "api.example"


def made(folder: Path) -> ServerCertificate:
    folder.mkdir()
    return ServerCertificate.in_folder(folder, [NAME])


def shown(api: Api, name: str = NAME) -> str:
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = urlsplit(api.url)
    with (
        socket.create_connection((address.hostname, address.port), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(True) or b"").strip()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def pem(files: ServerCertificate) -> str:
    return files.certificate.read_text(encoding="utf-8").strip()


def test_new_connections_get_the_renewed_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own, given, newer = (made(tmp_path / name) for name in ("own", "given", "newer"))
    before = pem(given)
    options = ServerOptions(certificate=own, named_certificate=given)
    with running_api(options=options) as api:
        assert (shown(api), shown(api, "localhost")) == (before, pem(own))

        shutil.copy(newer.certificate, given.certificate)  # with the key of another
        until(lambda: "certificate not renewed" in caplog.text)
        assert shown(api) == before

        shutil.copy(newer.key, given.key)
        until(lambda: shown(api) == pem(newer))
        assert shown(api, "localhost") == pem(own)
