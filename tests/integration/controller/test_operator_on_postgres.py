"""The whole operator with its store in Postgres: the same loop, and nothing is lost by a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from support.git import Repository
from support.postgres import PostgresServer, missing, postgres_server
from support.toy import GaugeReconciler, Gauges

from desired_state.objects import ObjectRef
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.composition import ConfigurationError, Operator, Watcher, World
from swarmkeeper.runtime.ports import HttpProbe, Ports
from swarmkeeper.runtime.swarm import Swarm
from swarmkeeper.settings import Settings
from swarmkeeper.store.audit import AuditTrail, Entry
from swarmkeeper.store.postgres import PostgresDatabase

GAUGE = (
    "apiVersion: swarmkeeper.dev/v1alpha1\nkind: Gauge\nmetadata: {name: a}\n"
    "spec: {value: 1, interval: 1h, healthyDelay: 0s}\n"
)


class NoWatcher:
    """Engine events: none."""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


def watch(_signals: Callable[[set[str]], None], _gap: Callable[[], None]) -> Watcher:
    return NoWatcher()


def trail_of(operator: Operator) -> AuditTrail:
    assert operator.term is not None
    return operator.term.deps.trail


def run_until(settings: Settings, gauges: Gauges, done: Callable[[Operator], bool]) -> None:
    """Runs an operator until something is so, and stops it."""
    ports = Ports(cast(Swarm, None), cast(HttpProbe, None), SystemClock())
    operator = Operator(settings, World(ports, watch, {"Gauge": GaugeReconciler(gauges)}))

    async def session() -> None:
        stop, started = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(operator.run(stop, started))
        async with asyncio.timeout(30):
            await started.wait()
            while not running.done() and not done(operator):
                await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(session())


def test_objects_and_trail_outlive_the_operator(server: PostgresServer, tmp_path: Path) -> None:
    repository, gauges = Repository(tmp_path), Gauges()
    repository.commit(gauges=GAUGE)
    settings = Settings(
        data_dir=tmp_path / "data",
        port=0,
        git=repository.url,
        store=server.new_database().url,
    )

    def acted(times: int) -> Callable[[Operator], bool]:
        return lambda o: [r.entry for r in trail_of(o).records()].count(Entry.SUCCEEDED) == times

    run_until(settings, gauges, acted(1))
    gauges.values["a"] = 50
    run_until(settings, gauges, acted(2))

    def kept(operator: Operator) -> bool:
        return operator.objects.get(ObjectRef("Gauge", "a")) is not None

    run_until(settings, gauges, kept)
    assert gauges.values == {"a": 1}
    assert not (settings.data_dir / "state.db").exists()


def test_an_operator_that_was_succeeded_ends_by_itself(
    server: PostgresServer, tmp_path: Path
) -> None:
    address = server.new_database()
    settings = Settings(data_dir=tmp_path, port=0, store=address.url)

    def succeeded(_: Operator) -> bool:
        database = PostgresDatabase(address)
        with database.write() as cursor:
            cursor.execute("UPDATE lease SET token = 9 WHERE token < 9")
        database.close()
        return False

    with pytest.raises(ConfigurationError, match="another operator has taken over"):
        run_until(settings, Gauges(), succeeded)
