"""Fixtures for tests on a real Swarm; every test below this folder is marked `e2e`."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from swarmkeeper.sandbox import Sandbox, down, names

HERE = Path(__file__).parent
_OURS = re.compile(r"e2e-[a-z0-9]+-(\d+)(-.*)?")
_numbers = itertools.count(1)


class MakeSandbox(Protocol):
    """Makes a sandbox of its own for a test; it is taken away after the test."""

    def __call__(
        self, nodes: int = 1, managers: int | None = None, images: Iterable[str] | None = None
    ) -> Sandbox: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")


@pytest.fixture(scope="session", autouse=True)
def _swept() -> None:
    """Take away what a run that was killed left: its sandboxes have the pid of no one."""
    if os.geteuid() != 0:
        return
    for name in names():
        owner = _OURS.fullmatch(name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            down(name)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A Swarm of one node for all tests of this worker: leave it as you found it."""
    _require_root()
    with Sandbox.create(_unique_name()) as made:
        yield made


@pytest.fixture
def make_sandbox() -> Iterator[MakeSandbox]:
    """Makes Swarms of several nodes, for tests that break them."""
    _require_root()
    made: list[Sandbox] = []

    def make(
        nodes: int = 1, managers: int | None = None, images: Iterable[str] | None = None
    ) -> Sandbox:
        made.append(Sandbox.create(_unique_name(), nodes=nodes, managers=managers, images=images))
        return made[-1]

    yield make
    for one in made:
        one.down()


@pytest.fixture(scope="session")
def docker_host(sandbox: Sandbox) -> str:
    """What DOCKER_HOST has to be to talk to `sandbox`."""
    return sandbox.docker_host


def _require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("a sandbox is made of namespaces and dockerd: run these tests as root")


def _unique_name() -> str:
    """Unlike that of any other worker, and of any other run on this machine."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return f"e2e-{worker}-{os.getpid()}-{next(_numbers)}"
