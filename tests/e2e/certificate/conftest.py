"""A whole operator with a certificate, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import pebble as pebbles
from support import traefik as traefiks
from support.certificate_stage import CertificateStage


@pytest.fixture
def stage(tmp_path: Path, docker_host: str) -> Iterator[CertificateStage]:
    if reason := pebbles.missing() or traefiks.missing():
        pytest.skip(reason)
    with CertificateStage.on(tmp_path, docker_host) as stage:
        yield stage
