"""Listens to an engine's events, for tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue

import pytest

from swarmkeeper.adapters.docker.events import EngineEvents

GAP = "gap"


class Listener:
    """Collects what is told."""

    def __init__(self) -> None:
        self._told: Queue[str] = Queue()

    def on_signals(self, names: set[str]) -> None:
        for name in names:
            self._told.put(name)

    def on_gap(self) -> None:
        self._told.put(GAP)

    def wait_for(self, name: str, *, within: float = 20.0) -> float:
        """Seconds until a name is told; what else comes is dropped."""
        began = time.monotonic()
        while True:
            left = within - (time.monotonic() - began)
            try:
                if self._told.get(timeout=max(left, 0)) == name:
                    return time.monotonic() - began
            except Empty:
                pytest.fail(f"{name} was not told within {within} s")


@contextmanager
def listening(docker_host: str, quiet: float = 10.0) -> Iterator[Listener]:
    listener = Listener()
    events = EngineEvents(
        docker_host, listener.on_signals, listener.on_gap, quiet=quiet, timeout=1.0
    )
    events.start()
    try:
        listener.wait_for(GAP)
        yield listener
    finally:
        events.stop()
