"""Requests to the Docker Engine: pooled, thread-safe, every wait bounded, no write sent twice.

Paths carry no API version: the engine answers with the newest that it has, and what it gave is what
it gets back.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from swarmkeeper.adapters.docker.endpoint import Endpoint
from swarmkeeper.runtime.swarm import SwarmUnavailable
from swarmkeeper.runtime.tracing import NO_TRACER, Tracer

_HUNG_UP: Final = (ConnectionResetError, BrokenPipeError, http.client.HTTPException)
"""How it looks when the other side has closed a connection that was kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the engine.

    Attributes:
        status: HTTP status.
        body: whole body.
    """

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            SwarmUnavailable: it is no JSON: something else than an engine answered.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise SwarmUnavailable(f"not an answer of an engine: {self.body[:80]!r}") from error


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]

    def through(self, pool: urllib3.HTTPConnectionPool) -> Answer:
        response = pool.urlopen(
            self.method, self.path, self.body, self.headers, retries=False, redirect=False
        )
        return Answer(response.status, response.data)


class Engine:
    """Sends requests to one engine. Safe for several threads.

    Args:
        endpoint: where it listens.
        timeout: seconds for each wait of a request; a frozen daemon would answer never.
        tracer: told of every request.
    """

    def __init__(
        self, endpoint: Endpoint, *, timeout: float = 10.0, tracer: Tracer = NO_TRACER
    ) -> None:
        self._tracer = tracer
        self._endpoint = endpoint
        self._timeout = timeout
        self._pool = endpoint.pool(timeout)

    def get(self, path: str, filters: Mapping[str, list[str]] | None = None) -> Answer:
        """Reads.

        Raises:
            SwarmUnavailable: no answer came.
        """
        if filters:
            path += "?" + urlencode({"filters": orjson.dumps(filters).decode()})
        return self.send("GET", path)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Sends one request. A write is never sent twice: whether it was done must be looked at.

        Args:
            method: GET, POST or DELETE.
            path: with its query.
            body: JSON-like, or None.
            headers: further headers.

        Raises:
            SwarmUnavailable: no answer came.
        """
        data = None if body is None else orjson.dumps(body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = _Request(method, path, data, sent)
        template = template_of(path)
        with self._tracer.span(f"{method} {template}", client=True) as span:
            span.note("http.request.method", method)
            span.note("url.template", template)
            try:
                answer = self._exchange(request)
            except HTTPError as error:
                raise SwarmUnavailable(self._why(error)) from error
            span.note("http.response.status_code", answer.status)
            return answer

    def close(self) -> None:
        """Closes the connections; those in use, after their answer."""
        self._pool.close()

    def _exchange(self, request: _Request) -> Answer:
        try:
            return request.through(self._pool)
        except HTTPError as error:
            if request.method != "GET" or not isinstance(_origin(error), _HUNG_UP):
                raise
        with self._endpoint.pool(self._timeout, size=1) as fresh:
            return request.through(fresh)

    def _why(self, error: HTTPError) -> str:
        found = _origin(error)
        if isinstance(found, TimeoutError):
            return f"{self._endpoint.host} did not answer within {self._timeout:g} s"
        return f"{self._endpoint.host}: {str(found) or type(found).__name__}"


def template_of(path: str) -> str:
    """A path without its query, and with `{id}` for what it names: `/services/{id}/update`."""
    noun, *rest = path.partition("?")[0].strip("/").split("/")
    named = bool(rest) and rest[0] != "create"
    return "/" + "/".join([noun, *(["{id}", *rest[1:]] if named else rest)])


def _origin(error: HTTPError) -> BaseException:
    """What urllib3 has wrapped: the error of the socket or of the answer."""
    return error.__cause__ or error.__context__ or error
