"""Requests to an engine: pooled, bounded in time, and never sent twice if they write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swarmkeeper.adapters.docker.connection import Engine, template_of
from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.runtime.swarm import SwarmUnavailable

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Daemon:
    """Takes connections on a unix socket and hands each to the next script."""

    def __init__(self, path: Path, *scripts: Serve) -> None:
        self.requests: list[bytes] = []
        self.endpoint = Endpoint.parse(f"unix://{path}")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._scripts = scripts
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                script(connection)

    def answer(self, connection: socket.socket, answer: bytes = OK) -> None:
        received = connection.recv(65536)
        if received:
            self.requests.append(received.split(b"\r\n")[0])
            connection.sendall(answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def make(*scripts: Callable[[Daemon, socket.socket], None]) -> Daemon:
        bound: list[Serve] = [lambda c, s=script: s(started[-1], c) for script in scripts]  # type: ignore[misc]
        started.append(Daemon(tmp_path / "docker.sock", *bound))
        return started[-1]

    yield make
    for daemon in started:
        daemon.close()


def one_answer(daemon: Daemon, connection: socket.socket) -> None:
    daemon.answer(connection)


def two_answers(daemon: Daemon, connection: socket.socket) -> None:
    daemon.answer(connection)
    daemon.answer(connection)


def silence(daemon: Daemon, connection: socket.socket) -> None:
    connection.recv(65536)
    connection.recv(1)  # until the client gives up


def hang_up(daemon: Daemon, connection: socket.socket) -> None:
    daemon.requests.append(connection.recv(65536).split(b"\r\n")[0])


def test_a_connection_is_used_again(start: Callable[..., Daemon]) -> None:
    daemon = start(two_answers)
    engine = Engine(daemon.endpoint, timeout=2)

    assert engine.get("/a").json() == {}
    assert engine.get("/b").json() == {}

    engine.close()
    assert daemon.requests == [b"GET /a HTTP/1.1", b"GET /b HTTP/1.1"]


def test_a_read_on_a_connection_that_went_stale_is_sent_again(
    start: Callable[..., Daemon],
) -> None:
    daemon = start(one_answer, one_answer)
    engine = Engine(daemon.endpoint, timeout=2)

    engine.get("/a")
    engine.get("/b")

    engine.close()
    assert daemon.requests == [b"GET /a HTTP/1.1", b"GET /b HTTP/1.1"]


def answer_then_hang_up(daemon: Daemon, connection: socket.socket) -> None:
    daemon.answer(connection)
    hang_up(daemon, connection)


def test_a_read_that_a_kept_connection_loses_is_sent_again_once(
    start: Callable[..., Daemon],
) -> None:
    daemon = start(answer_then_hang_up, hang_up, one_answer)
    engine = Engine(daemon.endpoint, timeout=2)

    engine.get("/a")
    with pytest.raises(SwarmUnavailable, match="closed connection without response"):
        engine.get("/b")

    engine.close()
    assert daemon.requests == [b"GET /a HTTP/1.1", b"GET /b HTTP/1.1", b"GET /b HTTP/1.1"]


def test_a_write_that_a_kept_connection_loses_is_not_sent_again(
    start: Callable[..., Daemon],
) -> None:
    daemon = start(answer_then_hang_up, one_answer)
    engine = Engine(daemon.endpoint, timeout=2)

    engine.get("/a")
    with pytest.raises(SwarmUnavailable):
        engine.send("POST", "/services/create", {})

    engine.close()
    assert daemon.requests == [b"GET /a HTTP/1.1", b"POST /services/create HTTP/1.1"]


def test_a_redirect_is_an_answer_and_is_not_followed(start: Callable[..., Daemon]) -> None:
    elsewhere = b"HTTP/1.1 307 X\r\nLocation: /b\r\nContent-Length: 2\r\n\r\n{}"
    daemon = start(lambda daemon, connection: daemon.answer(connection, elsewhere))
    engine = Engine(daemon.endpoint, timeout=2)

    assert engine.get("/a").status == 307

    engine.close()
    assert daemon.requests == [b"GET /a HTTP/1.1"]


def test_a_write_that_got_no_answer_is_not_sent_again(start: Callable[..., Daemon]) -> None:
    daemon = start(hang_up, one_answer)
    engine = Engine(daemon.endpoint, timeout=2)

    with pytest.raises(SwarmUnavailable):
        engine.send("POST", "/services/create", {})

    assert daemon.requests == [b"POST /services/create HTTP/1.1"]


def test_a_frozen_daemon_is_given_up_on(start: Callable[..., Daemon]) -> None:
    daemon = start(silence)
    engine = Engine(daemon.endpoint, timeout=0.05)

    with pytest.raises(SwarmUnavailable, match=r"did not answer within 0\.05 s"):
        engine.get("/a")


def test_a_daemon_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = Engine(Endpoint.parse(f"unix://{tmp_path}/none.sock"))

    with pytest.raises(SwarmUnavailable, match=r"none\.sock"):
        engine.get("/a")


def test_something_that_speaks_no_json_is_no_engine(start: Callable[..., Daemon]) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    daemon = start(lambda daemon, connection: daemon.answer(connection, page))
    engine = Engine(daemon.endpoint, timeout=2)

    with pytest.raises(SwarmUnavailable, match="not an answer of an engine"):
        engine.get("/a").json()

    engine.close()


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/services/web", "/services/{id}"),
        ("/services/abc/update?version=3", "/services/{id}/update"),
        ("/services/create", "/services/create"),
        ("/tasks?filters=%7B%7D", "/tasks"),
        ("/nodes", "/nodes"),
    ],
)
def test_a_span_is_named_by_the_shape_of_a_path_and_by_no_name_in_it(
    path: str, template: str
) -> None:
    assert template_of(path) == template
