"""A front of Pebble that suggests when to renew (ARI, RFC 9773), which Debian's Pebble 2.4 can't.

All else goes through to Pebble as it is.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.pebble import Pebble

INFO = "/renewal-info"
ORDERS = "/order-plz"
_FRAMING = {"content-length", "transfer-encoding"}
WHY = "https://ca.test/why"


class AriFront:
    """One front; what it suggests is set by tests.

    Args:
        ca: behind it.
        folder: of the CA's files.
    """

    def __init__(self, ca: Pebble, folder: Path) -> None:
        now = datetime.now(UTC)
        self.window: tuple[datetime, datetime] | None = (
            now + timedelta(days=50),
            now + timedelta(days=52),
        )
        """What it suggests; None: it fails."""
        self.windows: dict[str, tuple[datetime, datetime]] = {}
        """What it suggests for one certificate alone."""
        self.retry_after: str | None = "21600"
        self.asked: list[str] = []
        """The certificates that it was asked about."""
        self.replaced: list[str] = []
        """What new orders were to replace; empty where they told nothing."""
        self.reject: set[str] = set()
        """Certificates that have a successor already."""
        self._ca = ca
        self._trust = ssl.create_default_context(cadata=ca.ca.decode())
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"front": self})
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "pebble.crt", folder / "pebble.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        self._server = server
        self.url = f"https://127.0.0.1:{server.server_port}/dir"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def suggest(self, start: timedelta, end: timedelta) -> None:
        """Suggests a window from now."""
        now = datetime.now(UTC)
        self.window = (now + start, now + end)

    def stop(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._server.server_close()

    def info(self, identity: str) -> tuple[int, dict[str, Any]]:
        """What is suggested for a certificate: HTTP status and document."""
        self.asked.append(identity)
        if self.window is None:
            return 500, {}
        window = self.windows.get(identity, self.window)
        start, end = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in window)
        return 200, {"suggestedWindow": {"start": start, "end": end}, "explanationURL": WHY}

    def refuses(self, body: bytes) -> bool:
        """Notes what a new order is to replace; whether that has a successor already."""
        payload = json.loads(body)["payload"]
        asked = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.replaced.append(asked.get("replaces", ""))
        return asked.get("replaces") in self.reject

    def through(self, method: str, path: str, body: bytes, given: dict[str, str]) -> Any:
        """Pebble's answer, and its body."""
        link = http.client.HTTPSConnection(
            "127.0.0.1", self._ca.port, timeout=30, context=self._trust
        )
        try:
            link.request(method, path, body, given)
            answer = link.getresponse()
            return answer, answer.read()
        finally:
            link.close()


class _Handler(BaseHTTPRequestHandler):
    front: AriFront
    timeout = 60

    def do_GET(self) -> None:
        if not self.path.startswith(f"{INFO}/"):
            self._pass(b"")
            return
        status, document = self.front.info(self.path.removeprefix(f"{INFO}/"))
        after = {"Retry-After": self.front.retry_after} if self.front.retry_after else {}
        self._answer(status, json.dumps(document).encode(), after)

    def do_HEAD(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == ORDERS and self.front.refuses(body):
            problem = {"type": "urn:ietf:params:acme:error:alreadyReplaced", "detail": "no"}
            self._answer(409, json.dumps(problem).encode(), {})
            return
        self._pass(body)

    def _pass(self, body: bytes) -> None:
        given = {n: t for n, t in self.headers.items() if n.lower() != "accept-encoding"}
        answer, content = self.front.through(self.command, self.path, body, given)
        headers = {n: t for n, t in answer.getheaders() if n.lower() not in _FRAMING}
        if self.path == "/dir":
            base = self.front.url.removesuffix("/dir")
            content = json.dumps({**json.loads(content), "renewalInfo": base + INFO}).encode()
        self._answer(answer.status, content, headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
