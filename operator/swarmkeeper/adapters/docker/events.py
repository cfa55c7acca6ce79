"""The engine's events, as hints: something about this name has moved, look again.

Events get lost: the stream ends with the daemon, and a frozen daemon says nothing at all. So after
every connection the listener is told that there was a gap, and it looks at everything once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote

import orjson
from tenacity import Retrying, retry_if_result, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.adapters.docker.stream import BROKEN, Stream, connected
from swarmkeeper.runtime.swarm import SwarmUnavailable

logger = logging.getLogger(__name__)

TYPES: Final = ("service", "node", "secret", "config", "network")
WAITS: Final = wait_random_exponential(multiplier=0.2, min=0.05, max=10)
"""Until the next connection, where the last one was no good one."""
STEADY: Final = 5.0
"""A connection that held so many seconds was a good one: the waits begin anew."""
PATIENCE: Final = 0.5
"""Seconds that `stop` waits for a connection which is just being made."""

_FILTERS: Final = quote(orjson.dumps({"scope": ["swarm"], "type": list(TYPES)}).decode())


class EngineEvents:
    """Watches an engine's events on a thread of its own until it is stopped.

    Args:
        docker_host: `unix:///path` or `tcp://host:port`.
        on_signals: called with names such as `service/web` and `node`.
        on_gap: called after each connection: events may have been missed before.
        quiet: seconds without an event after which the engine is asked whether it lives.
        timeout: seconds that it has for the answer, and for a connection.
    """

    def __init__(
        self,
        docker_host: str,
        on_signals: Callable[[set[str]], None],
        on_gap: Callable[[], None],
        *,
        quiet: float = 10.0,
        timeout: float = 5.0,
    ) -> None:
        self._endpoint = Endpoint.parse(docker_host)
        self._on_signals = on_signals
        self._on_gap = on_gap
        self._quiet = quiet
        self._timeout = timeout
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)

    def start(self) -> None:
        """Begins to watch; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends promptly."""
        with self._lock:
            self._stopped.set()
            if self._stream is not None:
                self._stream.cut()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        until_steady = Retrying(
            wait=WAITS,
            retry=retry_if_result(lambda steady: not steady),
            sleep=sleep_using_event(self._stopped),
            stop=stop_when_event_set(self._stopped),
            retry_error_callback=lambda _: None,
        )
        while not self._stopped.is_set():
            until_steady(self._watch)

    def _watch(self) -> bool:
        """One connection from its beginning to its end; whether it was a good one."""
        began = time.monotonic()
        try:
            with connected(self._endpoint, quiet=self._quiet, timeout=self._timeout) as stream:
                self._follow(stream)
        except (*BROKEN, SwarmUnavailable) as error:
            if not self._stopped.is_set():
                logger.info("engine events interrupted", extra={"error": str(error)})
        except Exception:
            logger.exception("engine events failed")
        return time.monotonic() - began > STEADY

    def _follow(self, stream: Stream) -> None:
        if not self._take(stream):
            return
        try:
            lines = stream.get(f"/events?filters={_FILTERS}")
            self._on_gap()
            for line in lines:
                names = set(names_in(line))
                if names and not self._stopped.is_set():
                    self._on_signals(names)
        finally:
            self._take(None)

    def _take(self, stream: Stream | None) -> bool:
        """Makes it what `stop` cuts; False where it has been called before."""
        with self._lock:
            self._stream = stream
            return not self._stopped.is_set()


def names_in(line: bytes) -> Iterator[str]:
    """What an event is about; nothing where it can't be understood."""
    try:
        event = orjson.loads(line)
        kind, attributes = event["Type"], event["Actor"]["Attributes"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        if line.strip():
            logger.warning("event not understood", extra={"event": repr(line[:200])})
        return
    if kind == "node":
        yield "node"
    elif isinstance(attributes, dict) and attributes.get("name"):
        yield f"{kind}/{attributes['name']}"
