"""Asking a URL: an HTTP answer is a result, anything else says why there was none."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from swarmkeeper.adapters.http import BODY_LIMIT, UrlProbe
from swarmkeeper.runtime.ports import ProbeError


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    waiting = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.waiting.wait(5)
        locations = {
            "/here": "/ok",
            "/loop": "/loop",
            "/away": "http://elsewhere.invalid/",
        }
        status = 302 if self.path in locations else 503 if self.path == "/ill" else 200
        told = self.headers.get("X-Test", self.path).encode()
        body = b"x" * (BODY_LIMIT + 1000) if self.path == "/big" else told
        self.send_response(status)
        if self.path in locations:
            self.send_header("Location", locations[self.path])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    yield from _serving(None)


@pytest.fixture
def tls_url(tmp_path: Path) -> Iterator[str]:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    yield from _serving(context)


def _serving(tls: ssl.SSLContext | None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    Handler.waiting.set()
    server.shutdown()
    server.server_close()
    thread.join()
    Handler.waiting.clear()


def test_an_answer_has_a_status_a_body_and_a_time(url: str) -> None:
    result = UrlProbe().get(f"{url}/ok", timeout=5)

    assert (result.status, result.body) == (200, b"/ok")
    assert 0 < result.seconds < 5


def test_an_answer_of_failure_is_still_an_answer(url: str) -> None:
    assert UrlProbe().get(f"{url}/ill", timeout=5).status == 503


def test_a_query_is_sent(url: str) -> None:
    assert UrlProbe().get(f"{url}/ok?a=1", timeout=5).body == b"/ok?a=1"


def test_headers_are_sent(url: str) -> None:
    assert UrlProbe().get(url, timeout=5, headers={"X-Test": "yes"}).body == b"yes"


def test_a_long_body_is_cut_off(url: str) -> None:
    assert len(UrlProbe().get(f"{url}/big", timeout=5).body) == BODY_LIMIT


def test_a_redirect_on_the_same_host_is_followed(url: str) -> None:
    assert UrlProbe().get(f"{url}/here", timeout=5).body == b"/ok"


def test_a_redirect_to_another_host_is_not_followed(url: str) -> None:
    assert UrlProbe().get(f"{url}/away", timeout=5).status == 302


def test_redirects_end_somewhere(url: str) -> None:
    with pytest.raises(ProbeError, match="redirects"):
        UrlProbe().get(f"{url}/loop", timeout=5)


def test_a_slow_answer_is_given_up_on(url: str) -> None:
    with pytest.raises(ProbeError, match=r"no answer within 0\.1 s"):
        UrlProbe().get(f"{url}/slow", timeout=0.1)


def test_a_certificate_that_nobody_vouches_for_is_no_answer(tls_url: str) -> None:
    with pytest.raises(ProbeError, match="certificate: self"):
        UrlProbe().get(tls_url, timeout=5)


def test_a_refused_connection_is_no_answer() -> None:
    with pytest.raises(ProbeError, match="refused"):
        UrlProbe().get("http://127.0.0.1:1/", timeout=5)


@pytest.mark.parametrize("bad", ["ftp://host/", "http://", "http://host:port/", "no url"])
def test_what_is_no_url_says_so(bad: str) -> None:
    with pytest.raises(ProbeError, match="is not a"):
        UrlProbe().get(bad, timeout=5)
