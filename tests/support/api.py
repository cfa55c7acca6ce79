"""The embedded API on a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from prometheus_client import CollectorRegistry

from desired_state.objects import DEFAULT_NAMESPACE
from desired_state.scheme import Scheme
from support.widgets import WIDGET
from swarmkeeper.apiserver.access import Tokens
from swarmkeeper.apiserver.catalogue import NAMESPACE
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.apiserver.server import ApiServer, ServerOptions
from swarmkeeper.store.audit_reads import AuditReader
from swarmkeeper.store.database import IN_MEMORY, Database
from swarmkeeper.store.objects import RevisionConflict
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore

TIMEOUT = 20.0  # seconds for any answer


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Api:
    """A running API."""

    resources: Resources
    tokens: Tokens
    url: str
    database: SqlDatabase
    authority: bytes = b""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """Sends one request; by default as the administrator."""
        headers = {"Accept": accept, "Content-Type": content_type}
        token = self.tokens.admin if token is None else token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    @contextmanager
    def watch(
        self, path: str, *, token: str | None = None, **headers: str
    ) -> Iterator[Iterator[Any]]:
        """Opens a watch and gives its events one by one; by default as the administrator."""
        connection = self.connect()
        try:
            sent = {"Authorization": f"Bearer {token or self.tokens.admin}"} | headers
            connection.request("GET", path, headers=sent)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            yield (json.loads(line) for line in response)
        finally:
            connection.close()

    def clear(self) -> None:
        """Removes all that clients may have made, whatever holds it."""
        for type_ in self.resources.catalogue:
            if "delete" in type_.verbs:
                self._clear(type_.kind)

    def _clear(self, kind: str) -> None:
        store = self.resources.store
        for stored in store.list(kind).items:
            if stored.key.name != DEFAULT_NAMESPACE or kind != NAMESPACE.kind:
                with suppress(RevisionConflict):  # a client that still runs was faster
                    store.remove(
                        stored.key, partial(_always, stored.value), expected=stored.revision
                    )

    def connect(self) -> HTTPConnection:
        """A connection to the API."""
        address = urlsplit(self.url)
        if address.scheme == "http":
            return HTTPConnection(address.netloc, timeout=TIMEOUT)
        context = ssl.create_default_context(cadata=self.authority.decode())
        return HTTPSConnection(address.netloc, timeout=TIMEOUT, context=context)


def _always(value: bytes, _: int) -> bytes:
    return value


@contextmanager
def running_api(
    *,
    database: SqlDatabase | None = None,
    options: ServerOptions | None = None,
    extra_routes: Sequence[web.RouteDef] = (),
    registry: CollectorRegistry | None = None,
) -> Iterator[Api]:
    """Serves widgets until the block ends, which closes the database, too; by default one in memory."""
    database = database or Database(IN_MEMORY)
    resources = Resources(SqlObjectStore(database), Scheme([WIDGET]))
    tokens = Tokens.generate()
    server = ApiServer(
        resources,
        AuditReader(database),
        tokens=tokens,
        options=options,
        extra_routes=extra_routes,
        registry=registry,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="api")
    thread.start()
    try:
        url = asyncio.run_coroutine_threadsafe(server.start(), loop).result(TIMEOUT)
        certificate = options.certificate if options else None
        authority = certificate.certificate.read_bytes() if certificate else b""
        yield Api(resources, tokens, url, database, authority)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(TIMEOUT)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT)
        loop.close()
        database.close()
