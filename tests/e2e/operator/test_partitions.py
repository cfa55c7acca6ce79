"""Two operators, and the network between one of them and Postgres is cut: silently, or by resets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forwarder import Forwarder
from support.operator_process import eventually
from support.pair import Pair, acts, taken
from support.postgres import PostgresServer

pytestmark = pytest.mark.chaos
HOW = ["drop", "reset", "forget"]
TAKEN_OVER = "another operator has taken over"


class Network:
    """The way from an operator to Postgres."""

    def __init__(self, server: PostgresServer, how: str) -> None:
        self.forwarder = Forwarder(server.socket)
        self._how = how

    def cut(self) -> None:
        """Cuts it, as the test says."""
        if self._how == "reset":
            self.forwarder.reset()
        else:
            self.forwarder.drop()

    def heal(self) -> None:
        """Mends it."""
        self.forwarder.heal(forget=self._how == "forget")


@pytest.fixture(params=HOW)
def networks(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[list[Network]]:
    networks = [Network(server, request.param) for _ in range(2)]
    yield networks
    for network in networks:
        network.forwarder.close()


@pytest.fixture
def pair(
    docker_host: str, server: PostgresServer, networks: list[Network], tmp_path: Path
) -> Iterator[Pair]:
    store = server.new_database()
    database = store.url.removeprefix("postgresql://postgres@/").partition("?")[0]
    urls = [f"postgresql://postgres@127.0.0.1:{n.forwarder.port}/{database}" for n in networks]
    with Pair.on(docker_host, tmp_path, store, urls) as pair:
        yield pair


def test_one_that_is_cut_off_is_succeeded_does_nothing_and_ends(
    pair: Pair, networks: list[Network]
) -> None:
    pair.begin(replicas=1)
    before = (taken(pair.one), pair.one.operator.service(pair.one.name))

    networks[0].cut()
    pair.one.scale_by_hand(3)

    eventually(lambda: acts(pair.two))
    eventually(lambda: pair.two.replicas() == 1)
    pair.assert_taken("create", "scale")
    assert (taken(pair.one), pair.one.operator.service(pair.one.name)) == before
    networks[0].heal()
    assert pair.one.operator.wait() == 1
    assert TAKEN_OVER in pair.one.operator.log.read_text()
    pair.two.wait_ready()
    assert acts(pair.two)
    pair.assert_taken("create", "scale")
    assert pair.is_whole()
