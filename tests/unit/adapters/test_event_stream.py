"""The stream of events: silence is no gap, a frozen engine is noticed, nonsense is survived."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest

from swarmkeeper.adapters.docker.events import EngineEvents

GAP = "gap"
END = b""


class Handler(BaseHTTPRequestHandler):
    """An engine that pings and tells events, chunk by chunk."""

    protocol_version = "HTTP/1.1"
    server: FakeEngine

    def do_GET(self) -> None:
        if self.path == "/_ping":
            self.server.pinged.set()
            self.server.thawed.wait(5)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked.release()
        self.server.thawed.wait(5)
        self.send_response(self.server.status)
        self.send_header("Transfer-Encoding", "chunked")
        if self.server.closes:
            self.send_header("Connection", "close")
        self.end_headers()
        while (chunk := self.server.chunks.get()) != END:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class FakeEngine(ThreadingHTTPServer):
    """What it says is put into `chunks`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.chunks: Queue[bytes] = Queue()
        self.asked = threading.Semaphore(0)
        self.pinged = threading.Event()
        self.thawed = threading.Event()
        self.thawed.set()
        self.status = 200
        self.closes = False

    def handle_error(self, *_: object) -> None:
        """Clients that left are no news."""


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.thawed.set()
        for _ in range(10):
            server.chunks.put(END)
        server.shutdown()
        thread.join()


@contextmanager
def listening(engine: FakeEngine, **waits: float) -> Iterator[Queue[Any]]:
    told: Queue[Any] = Queue()
    host = f"tcp://127.0.0.1:{engine.server_port}"
    events = EngineEvents(host, told.put, lambda: told.put(GAP), **waits)
    events.start()
    yield told
    events.stop()


def event(name: str) -> bytes:
    document = {"Type": "service", "Actor": {"Attributes": {"name": name}}}
    return json.dumps(document).encode() + b"\n"


def test_events_are_told_as_they_come(engine: FakeEngine) -> None:
    with listening(engine) as told:
        assert told.get(timeout=5) == GAP
        engine.chunks.put(event("a") + event("b")[:9])
        assert told.get(timeout=5) == {"service/a"}
        engine.chunks.put(event("b")[9:])
        assert told.get(timeout=5) == {"service/b"}


def test_a_line_that_makes_no_sense_is_passed_over(engine: FakeEngine) -> None:
    with listening(engine) as told:
        assert told.get(timeout=5) == GAP
        engine.chunks.put(b"{broken\n\xff\n[]\n" + event("a"))
        assert told.get(timeout=5) == {"service/a"}


def test_a_quiet_engine_that_answers_keeps_its_stream(engine: FakeEngine) -> None:
    with listening(engine, quiet=0.02, timeout=5) as told:
        assert told.get(timeout=5) == GAP
        for _ in range(3):
            engine.pinged.clear()
            assert engine.pinged.wait(5)
        engine.chunks.put(event("a"))
        assert told.get(timeout=5) == {"service/a"}


def test_a_stream_outlasts_the_time_out_of_an_answer(engine: FakeEngine) -> None:
    engine.closes = True  # as proxies do
    with listening(engine, quiet=0.3, timeout=0.5) as told:
        assert told.get(timeout=5) == GAP
        for _ in range(3):
            engine.pinged.clear()
            assert engine.pinged.wait(5)
        engine.chunks.put(event("a"))
        assert told.get(timeout=5) == {"service/a"}


def test_an_engine_that_froze_is_left_and_its_return_is_a_gap(engine: FakeEngine) -> None:
    with listening(engine, quiet=0.05, timeout=0.1) as told:
        assert told.get(timeout=5) == GAP
        engine.thawed.clear()
        assert engine.asked.acquire(timeout=5)
        assert engine.asked.acquire(timeout=5)  # it has been left: this is the next connection
        engine.thawed.set()
        assert told.get(timeout=5) == GAP


def test_a_stream_that_ends_is_opened_again(engine: FakeEngine) -> None:
    with listening(engine) as told:
        assert told.get(timeout=5) == GAP
        engine.chunks.put(END)
        assert told.get(timeout=5) == GAP


def test_stop_does_not_wait_for_a_frozen_engine(engine: FakeEngine) -> None:
    engine.thawed.clear()
    with listening(engine, timeout=5):
        assert engine.asked.acquire(timeout=5)


def test_an_engine_that_refuses_tells_no_gap(
    engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    engine.status = 503
    with listening(engine) as told:
        assert engine.asked.acquire(timeout=5)
        assert engine.asked.acquire(timeout=5)
    assert told.empty()
    assert "the engine gives no stream: status 503" in {
        record.__dict__.get("error") for record in caplog.records
    }
