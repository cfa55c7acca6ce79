"""The embedded API as a server: start it on an event loop, stop it gracefully.

trail, tokens = AuditReader(database), Tokens.in_folder(folder)
server = ApiServer(resources, trail, tokens=tokens, options=ServerOptions(port=8001))
url = await server.start()
...
await server.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from swarmkeeper.apiserver import events
from swarmkeeper.apiserver.access import Access, Tokens, TokenSource
from swarmkeeper.apiserver.audit import Audit
from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.collector import Collector
from swarmkeeper.apiserver.garbage import Garbage
from swarmkeeper.apiserver.housekeeping import Housekeeping
from swarmkeeper.apiserver.hub import Hub
from swarmkeeper.apiserver.patches import MAX_BYTES
from swarmkeeper.apiserver.reads import Reads
from swarmkeeper.apiserver.renewal import Renewal
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.apiserver.routing import Answers, Gate, Router, refusal
from swarmkeeper.apiserver.trail import Trail
from swarmkeeper.apiserver.trail_feed import TrailFeed
from swarmkeeper.apiserver.watches import Watches
from swarmkeeper.apiserver.writes import Writes
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.audit_reads import AuditReader

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_WRITERS: Final = 8  # threads that may wait for the store at once, and then share its commit
_SHUTDOWN: Final = 5.0  # seconds for requests under way


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where to listen, and how long to keep what.

    Attributes:
        host: address to bind to.
        port: 0 takes any free one.
        certificate: serve https with it. Without one it is http, which is for the loopback only, and
            not for kubectl: that sends no token over it.
        bookmark_interval: longest silence of a watch.
        event_ttl: how long events are kept.
        token_sources: tokens besides the program's own; read again while the API runs.
        named_certificate: shown to clients that reach the API by another name than localhost.
        guarded: paths of extra routes for those alone who hold a token.
        tidies: whether this server forgets old history and events, and deletes what has lost its owner,
            now; of several, one is enough.
    """

    host: str = "127.0.0.1"
    port: int = 0
    certificate: ServerCertificate | None = None
    bookmark_interval: timedelta = timedelta(seconds=30)
    event_ttl: timedelta = events.TIME_TO_LIVE
    token_sources: Sequence[TokenSource] = ()
    named_certificate: ServerCertificate | None = None
    guarded: frozenset[str] = frozenset()
    tidies: Callable[[], bool] = lambda: True


class ApiServer:
    """Serves resources over HTTP.

    Args:
        resources: the objects.
        trail: the audit trail.
        tokens: who may ask.
        options: where to listen.
        extra_routes: further routes, e.g. webhooks; they check access themselves, unless the options
            guard their path.
        registry: where the metric of requests is registered.
    """

    def __init__(
        self,
        resources: Resources,
        trail: AuditReader,
        *,
        tokens: Tokens,
        options: ServerOptions | None = None,
        extra_routes: Sequence[web.RouteDef] = (),
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._options = options or ServerOptions()
        self._resources = resources
        self._access = Access(tokens, self._options.token_sources)
        self._audit = Audit(registry)
        self._extra_routes = tuple(extra_routes)
        self._hub = Hub(resources.store)
        self._audit_reader = trail
        self._feed = TrailFeed(trail)
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> str:
        """Listens.

        Returns:
            The URL, e.g. `https://127.0.0.1:8001`.

        Raises:
            OSError: the address can't be bound to.
            CertificateError: the certificate can't be used.
        """
        async with contextlib.AsyncExitStack() as stack:
            url = await self._start(stack)
            self._stack = stack.pop_all()
        return url

    async def stop(self) -> None:
        """Ends the watches, lets requests under way finish, closes the socket."""
        await self._stack.aclose()

    async def _start(self, stack: contextlib.AsyncExitStack) -> str:
        workers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="api-write")
        stack.push_async_callback(asyncio.to_thread, workers.shutdown)
        runner = web.AppRunner(
            self._application(workers),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN,
        )
        await runner.setup()
        stack.push_async_callback(_close, runner)
        self._hub.start()
        stack.callback(self._hub.stop)
        self._feed.start()
        stack.push_async_callback(self._feed.stop)
        certificate = self._options.certificate
        renewal = Renewal(certificate, self._options.named_certificate) if certificate else None
        context = renewal.context if renewal else None
        site = web.TCPSite(runner, self._options.host, self._options.port, ssl_context=context)
        await site.start()
        if renewal is not None:
            stack.callback(asyncio.create_task(renewal.keep_fresh(), name="api-tls").cancel)
        housekeeping = Housekeeping(
            self._resources.verbs, event_ttl=self._options.event_ttl, due=self._options.tidies
        )
        stack.push_async_callback(housekeeping.stop)
        housekeeping.start()
        garbage = Garbage(self._resources.verbs, self._resources.catalogue)
        collector = Collector(self._resources.store, garbage, due=self._options.tidies)
        stack.push_async_callback(collector.stop)
        collector.start()
        fresh = asyncio.create_task(self._access.keep_fresh(), name="api-tokens")
        stack.callback(fresh.cancel)
        host, port = runner.addresses[0][:2]
        scheme = "https" if context else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path in self._options.guarded:
            try:
                self._access.identify(request.headers.get("Authorization"))
            except ApiError as error:
                return refusal(error)
        return await handler(request)

    def _application(self, workers: ThreadPoolExecutor) -> web.Application:
        resources, options = self._resources, self._options
        interval = options.bookmark_interval.total_seconds()
        router = Router(
            resources.catalogue,
            Gate(self._access, self._audit),
            Answers(
                Reads(resources.verbs),
                Watches(resources.store, self._hub, bookmark_interval=interval),
                Writes(resources.verbs, workers),
                Trail(self._audit_reader, self._feed, bookmark_interval=interval),
            ),
        )
        application = web.Application(client_max_size=MAX_BYTES, middlewares=[self._guard])
        application.add_routes(self._extra_routes)
        application.router.add_route("*", "/{path:.*}", router.handle)
        return application


async def _close(runner: web.AppRunner) -> None:
    """Closes all connections; over TLS that would wait half a minute for an idle client's goodbye."""
    connections = runner.server.connections if runner.server else []
    transports = [connection.transport for connection in connections]
    await runner.cleanup()
    for transport in transports:
        if transport is not None:
            transport.abort()
    await asyncio.sleep(0)  # lets the loop close the sockets
