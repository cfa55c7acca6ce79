"""An answer of the engine that never ends: read line by line, and given up when the engine is frozen."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from swarmkeeper.adapters.docker.connection import Engine
from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.runtime.swarm import SwarmUnavailable

BROKEN = (OSError, HTTPException, HTTPError)
"""What a connection of urllib3's raises when it ends."""


@contextlib.contextmanager
def connected(endpoint: Endpoint, *, quiet: float, timeout: float) -> Iterator[Stream]:
    """A connection for one stream.

    Args:
        endpoint: where the engine listens.
        quiet: seconds of silence after which the engine is asked whether it lives.
        timeout: seconds that it has for the answer, and for the connection.
    """
    with (
        contextlib.closing(endpoint.connection(timeout)) as connection,
        contextlib.closing(Engine(endpoint, timeout=timeout)) as engine,
    ):
        connection.connect()
        stream = Stream(connection, engine, quiet)
        watchman = threading.Thread(target=stream.watch, name="engine-stream", daemon=True)
        watchman.start()
        try:
            yield stream
        finally:
            stream.close()
            watchman.join()


class Stream:
    """Lines of one answer; one thread reads, any other may cut it.

    Args:
        connection: connected; whoever made it closes it.
        engine: is asked whether it lives, on connections of its own.
        quiet: seconds of silence until it is asked.
    """

    def __init__(self, connection: HTTPConnection, engine: Engine, quiet: float) -> None:
        self._connection = connection
        self._socket: socket.socket = connection.sock
        self._engine = engine
        self._quiet = quiet
        self._heard = time.monotonic()
        self._ended = threading.Event()
        self._response: HTTPResponse | None = None
        self._frozen: SwarmUnavailable | None = None

    def get(self, path: str) -> Iterator[bytes]:
        """Asks, waits for the beginning of the answer, and gives its lines as they come.

        Raises:
            SwarmUnavailable: the engine refuses, or it lives no more.
            OSError: the connection broke, as also HTTPException and urllib3's HTTPError mean.
        """
        self._connection.request("GET", path, preload_content=False)
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            raise SwarmUnavailable(f"the engine gives no stream: status {self._response.status}")
        self._socket.settimeout(None)  # silence is for `watch` to judge
        return self._lines(self._response)

    def cut(self) -> None:
        """Ends it at once: who reads it gets an error."""
        self._ended.set()
        with contextlib.suppress(OSError):  # the other side may have closed it
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Lets go of the answer."""
        self._ended.set()
        if self._response is not None:
            self._response.close()

    def watch(self) -> None:
        """Cuts the stream of an engine that does not answer while it says nothing."""
        while not self._ended.wait(max(self._heard + self._quiet - time.monotonic(), 0)):
            if time.monotonic() - self._heard < self._quiet:
                continue
            try:
                self._engine.get("/_ping")
            except SwarmUnavailable as error:
                self._frozen = error
                self.cut()
            self._heard = time.monotonic()

    def _lines(self, response: HTTPResponse) -> Iterator[bytes]:
        try:
            for line in response:
                self._heard = time.monotonic()
                yield line
        except BROKEN as error:
            raise self._frozen or error from None
