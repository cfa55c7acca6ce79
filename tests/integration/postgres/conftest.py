"""A real Postgres for the tests of this folder, and a folder for backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.backups import Scene
from support.postgres import PostgresServer, missing, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    if shutil.which("zstd") is None:
        pytest.skip("there is no zstd")
    with postgres_server() as server:
        yield server


@pytest.fixture
def scene(server: PostgresServer, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(server, tmp_path)
    yield scene
    scene.close()
