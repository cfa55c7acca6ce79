"""A real Postgres for the tests of this folder, a real S3 store, and a folder for backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.backups import Scene
from support.postgres import PostgresServer, missing, postgres_server
from support.s3 import S3Server, s3_server
from support.s3 import missing as no_s3
from support.stored_backups import StoredScene


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


@pytest.fixture(scope="session")
def store() -> Iterator[S3Server]:
    if reason := no_s3():
        pytest.skip(reason)
    with s3_server() as store:
        yield store


@pytest.fixture
def stored(server: PostgresServer, store: S3Server, tmp_path: Path) -> Iterator[StoredScene]:
    scene = StoredScene(server, store, tmp_path)
    yield scene
    scene.close()
