"""The backends that every test of the store runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import postgres

from swarmkeeper.store.database import Database
from swarmkeeper.store.postgres import PostgresDatabase
from swarmkeeper.store.sql import SqlDatabase

Open = Callable[[], SqlDatabase]


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.PostgresServer]:
    """One Postgres for all tests that don't harm it."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.postgres_server() as server:
        yield server


def _sqlite(tmp_path: Path) -> Open:
    return lambda: Database(tmp_path / "state.db")


def _postgres(server: postgres.PostgresServer) -> Open:
    address = server.new_database()
    return lambda: PostgresDatabase(address)


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Open]]:
    """Makes empty stores; what it gives opens one, again and again, as processes would."""
    opened: list[SqlDatabase] = []

    def new() -> Open:
        if request.param == "sqlite":
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
            make = _sqlite(folder)
        else:
            make = _postgres(request.getfixturevalue("server"))

        def open_() -> SqlDatabase:
            opened.append(make())
            return opened[-1]

        return open_

    yield new
    for database in opened:
        database.close()


@pytest.fixture
def open_database(new_store: Callable[[], Open]) -> Open:
    """Opens one and the same store."""
    return new_store()


@pytest.fixture
def database(open_database: Open) -> SqlDatabase:
    """The store, opened once."""
    return open_database()
