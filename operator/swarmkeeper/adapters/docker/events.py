"""The engine's events, as hints: something about this name has moved, look again.

Events get lost: the stream ends with the daemon, and a frozen daemon says nothing at all. So after
every connection the listener is told that there was a gap, and it looks at everything once.

The stream is asked for by HTTP/1.0, which the engine answers without chunks: one JSON document a line.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote

import orjson

from swarmkeeper.adapters.docker.connection import Endpoint, Engine
from swarmkeeper.runtime.swarm import SwarmUnavailable

logger = logging.getLogger(__name__)

TYPES: Final = ("service", "node", "secret", "config", "network")
FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 10.0
STEADY: Final = 5.0
"""A connection that held so many seconds was a good one: the waits begin anew."""
LONGEST_HEADER: Final = 64 * 1024

_FILTERS: Final = quote(orjson.dumps({"scope": ["swarm"], "type": list(TYPES)}).decode())
_REQUEST: Final = f"GET /events?filters={_FILTERS} HTTP/1.0\r\nHost: docker\r\n\r\n".encode()


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
        self._stream: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)

    def start(self) -> None:
        """Begins to watch; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends promptly."""
        self._stopped.set()
        with self._lock:
            if self._stream is not None:
                with contextlib.suppress(OSError):  # the other side may have closed it
                    self._stream.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._watch()
            except (OSError, SwarmUnavailable) as error:
                logger.info("engine events interrupted", extra={"error": str(error)})
            except Exception:
                logger.exception("engine events failed")
            wait = FIRST_WAIT if time.monotonic() - began > STEADY else wait
            self._stopped.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            wait = min(wait * 2, LONGEST_WAIT)

    def _watch(self) -> None:
        """One connection, from its gap to its end."""
        with self._endpoint.connect(self._timeout) as stream:
            with self._lock:
                self._stream = stream
            try:
                if not self._stopped.is_set():
                    self._follow(stream)
            finally:
                with self._lock:
                    self._stream = None

    def _follow(self, stream: socket.socket) -> None:
        stream.sendall(_REQUEST)
        rest = _after_header(stream)
        stream.settimeout(self._quiet)
        self._on_gap()
        for lines in self._lines(stream, rest):
            names = {name for line in lines for name in names_in(line)}
            if names:
                self._on_signals(names)

    def _lines(self, stream: socket.socket, rest: bytes) -> Iterator[list[bytes]]:
        """Whole lines, as many at once as have come."""
        while not self._stopped.is_set():
            *lines, rest = rest.split(b"\n")
            if lines:
                yield lines
            try:
                received = stream.recv(65536)
            except TimeoutError:
                self._require_alive()
                continue
            if not received:
                return
            rest += received

    def _require_alive(self) -> None:
        engine = Engine(self._endpoint, timeout=self._timeout)
        try:
            engine.get("/_ping")
        finally:
            engine.close()


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


def _after_header(stream: socket.socket) -> bytes:
    """Reads past the header of the answer; what has come behind it is returned.

    Raises:
        SwarmUnavailable: the engine does not give events.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        more = stream.recv(4096)
        received += more
        if not more or len(received) > LONGEST_HEADER:
            raise SwarmUnavailable("the engine closed the connection before its answer")
    header, _, rest = received.partition(b"\r\n\r\n")
    status = header.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise SwarmUnavailable(
            f"the engine gives no events: {header[:80].decode(errors='replace')}"
        )
    return rest
