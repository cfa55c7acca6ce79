"""Asks a URL once, to see whether something works."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from swarmkeeper.runtime.ports import ProbeError, ProbeResult
from swarmkeeper.runtime.tracing import NO_TRACER, Tracer

BODY_LIMIT: Final = 64 * 1024
REDIRECTS: Final = 3
_REDIRECT: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "swarmkeeper-probe"


class UrlProbe:
    """One GET at a time, bounded in time and size. Safe for several threads.

    Redirects are followed on the same host only: an answer of another host says nothing about this
    one. A redirect to elsewhere is an answer as any other, with its status.

    Args:
        tls: context for https; by default certificates are checked against the system's.
        tracer: told of every request.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, tracer: Tracer = NO_TRACER) -> None:
        self._tracer = tracer
        self._tls = tls or ssl.create_default_context()

    def get(
        self, url: str, *, timeout: float, headers: Mapping[str, str] | None = None
    ) -> ProbeResult:
        """Sends one GET, and follows redirects on the same host.

        Args:
            url: http or https URL.
            timeout: seconds for all of it, apart from a slow name server.
            headers: further request headers.

        Raises:
            ProbeError: no HTTP answer came: refused, timed out, no such host, broken TLS.
        """
        with self._tracer.span("GET", client=True) as span:
            span.note("server.address", _parse(url).hostname or "")
            answer = self._get(url, timeout, headers)
            span.note("http.response.status_code", answer.status)
            return answer

    def _get(self, url: str, timeout: float, headers: Mapping[str, str] | None) -> ProbeResult:
        started = time.monotonic()
        deadline = started + timeout
        sent = {"User-Agent": _AGENT, "Accept": "*/*", **(headers or {})}
        for _ in range(REDIRECTS + 1):
            parts = _parse(url)
            try:
                status, location, body = self._ask(parts, sent, deadline)
            except (OSError, http.client.HTTPException) as error:
                raise ProbeError(_why(error, timeout)) from error
            follow = urlsplit(urljoin(url, location)) if location else None
            if status not in _REDIRECT or follow is None or follow.hostname != parts.hostname:
                return ProbeResult(status, body, time.monotonic() - started)
            url = follow.geturl()
        raise ProbeError(f"more than {REDIRECTS} redirects")

    def _ask(
        self, parts: SplitResult, headers: Mapping[str, str], deadline: float
    ) -> tuple[int, str, bytes]:
        connection = self._connect(parts, _left(deadline))
        try:
            connection.connect()
            _limit(connection, deadline)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=dict(headers))
            _limit(connection, deadline)
            sock = connection.sock  # the connection lets go of it where the answer ends it
            response = connection.getresponse()
            location = response.headers.get("Location", "")
            return response.status, location, _body(sock, response, deadline)
        finally:
            connection.close()

    def _connect(self, parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number is noticed when it is read
    except ValueError as error:
        raise ProbeError(f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProbeError(f"{url!r} is not an http or https URL")
    return parts


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _limit(connection: http.client.HTTPConnection, deadline: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(_left(deadline))


def _body(sock: socket.socket | None, response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, or its beginning; a slow one is cut off at the deadline with an error."""
    body = b""
    while len(body) < BODY_LIMIT:
        if sock is not None:
            sock.settimeout(_left(deadline))
        part = response.read1(BODY_LIMIT - len(body))
        if not part:
            break
        body += part
    return body


def _why(error: Exception, timeout: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, socket.gaierror):
        return f"no such host: {error.strerror}"
    return str(error) or type(error).__name__
