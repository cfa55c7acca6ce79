"""The whole operator on the toy kind, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from desired_state.objects import ObjectRef
from support.toy import GaugeReconciler, Gauges
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.composition import Operator, World
from swarmkeeper.controller.controller import Controller
from swarmkeeper.runtime.ports import HttpProbe, Ports
from swarmkeeper.runtime.swarm import Swarm
from swarmkeeper.settings import Settings
from swarmkeeper.term import Term

REF = ObjectRef("Gauge", "a")


class HandWatcher:
    """Engine events, given by hand."""

    def __init__(self, on_signals: Callable[[set[str]], None], on_gap: Callable[[], None]) -> None:
        self.on_signals = on_signals
        self.on_gap = on_gap
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


class Running:
    """An operator in a thread of its own."""

    def __init__(self, folder: Path, gauges: Gauges, **settings: object) -> None:
        self.gauges = gauges
        self.closed = threading.Event()
        self.settings = Settings.model_validate(
            {"data_dir": folder / "data", "port": 0, "source_interval": "1h", **settings}
        )
        self.operator = Operator(self.settings, self._world())
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Running:
        self._thread.start()
        eventually(self._started.is_set)
        return self

    def stop(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    @property
    def term(self) -> Term:
        assert self.operator.term is not None
        return self.operator.term

    @property
    def controller(self) -> Controller:
        return self.term.controller

    def ready(self, ref: ObjectRef = REF) -> str:
        stored = self.operator.objects.get(ref) or {}
        conditions = stored.get("status", {}).get("conditions", ())
        return next((c["status"] for c in conditions if c["type"] == "Ready"), "")

    def _world(self) -> World:
        reconciler = GaugeReconciler(self.gauges)
        ports = Ports(cast(Swarm, None), cast(HttpProbe, None), SystemClock())
        return World(ports, self._watch, {"Gauge": reconciler}, close=self.closed.set)

    def _watch(
        self, on_signals: Callable[[set[str]], None], on_gap: Callable[[], None]
    ) -> HandWatcher:
        self.watcher = HandWatcher(on_signals, on_gap)
        return self.watcher

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.operator.run(self._stop, self._started))
        self._loop.close()


def eventually(condition: Callable[[], bool], within: float = 15) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
