"""Answers HTTP-01 challenges (RFC 8555, 8.3): listens only while one is open."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

PREFIX: Final = "/.well-known/acme-challenge/"


class Responder:
    """One address that the CA is led to, for all orders of this process. Thread-safe.

    Args:
        host: to listen on.
        port: to listen on.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._answers: dict[str, bytes] = {}
        self._open = 0
        self._server: ThreadingHTTPServer | None = None
        self._guard = threading.Lock()

    @contextmanager
    def answering(self, answers: Mapping[str, str]) -> Iterator[None]:
        """Answers these tokens within the block.

        Raises:
            OSError: the address is taken.
        """
        with self._guard:
            if self._server is None:
                self._server = self._listen()
            self._open += 1
            self._answers |= {token: text.encode() for token, text in answers.items()}
        try:
            yield
        finally:
            with self._guard:
                self._open -= 1
                for token in answers:
                    self._answers.pop(token, None)
                ended = None if self._open else self._server
                if ended is not None:
                    self._server = None
            if ended is not None:
                ended.shutdown()
                ended.server_close()

    def _listen(self) -> ThreadingHTTPServer:
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            timeout = 10
            server_version, sys_version = "swarmkeeper", ""

            def do_GET(self) -> None:
                """Gives the key authorization of a token."""
                known = self.path.startswith(PREFIX)
                answer = answers.get(self.path.removeprefix(PREFIX)) if known else None
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: object) -> None:
                """Says nothing: the ledger tells what came of it."""

        server = ThreadingHTTPServer(self._address, Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server
