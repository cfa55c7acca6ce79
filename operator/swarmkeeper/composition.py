"""The composition root: opens the store, serves the API, and begins a term once the lease is held.

While another operator acts, this one stands by: it serves the API and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import IO, Final

from aiohttp import web

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.runbook_run import RUNBOOK_RUN
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.access import Tokens
from swarmkeeper.apiserver.certificates import LOOPBACK, ServerCertificate
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.apiserver.server import ApiServer, ServerOptions
from swarmkeeper.apiserver.tokens import FOLDER as TOKENS
from swarmkeeper.apiserver.tokens import SecretTokens, TokenFolder
from swarmkeeper.controller import webhook
from swarmkeeper.controller.kopf_host import ApiAccess
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.controller.names import ACTOR, REQUESTED_AT
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.settings import Settings
from swarmkeeper.store.audit_reads import AuditReader
from swarmkeeper.store.opening import Place, lock_folder, one_at_a_time
from swarmkeeper.store.sql import DatabaseError
from swarmkeeper.store.sql_objects import SqlObjectStore
from swarmkeeper.store.tenure import Tenure
from swarmkeeper.term import Parts, Term, source_ref
from swarmkeeper.world import Watcher, World

__all__ = ["ConfigurationError", "Operator", "Watcher", "World"]
METRICS_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format, as `render` writes it; Prometheus 3 takes no answer that names none."""
logger: Final = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """The operator can't be started as it was asked to, or had to end; the message says why."""


class Operator:
    """One operator process.

    Args:
        settings: how to run.
        world: the outside world.

    Raises:
        ConfigurationError: it can't run so.
        DatabaseError: the store can't be opened.
    """

    def __init__(self, settings: Settings, world: World) -> None:
        if settings.folder is not None and settings.git:
            raise ConfigurationError("give either a git URL or a folder, not both")
        self._settings = settings
        kinds = [reconciler.kind for reconciler in world.reconcilers.values()]
        scheme = Scheme([GIT_REPOSITORY, RUNBOOK_RUN, *kinds])
        place = Place(settings.data_dir, settings.store, settings.store_password_file)
        self.metrics = Metrics()
        with ExitStack() as opened:  # closed again where what follows fails
            self._lock = opened.enter_context(_lock(settings))
            self._database = opened.enter_context(closing(place.open()))
            self._tenure = Tenure(place, self._database)
            store = SqlObjectStore(self._database)
            opened.pop_all()
        self.objects = Resources(store, scheme, clock=world.ports.clock)
        self._parts = Parts(
            settings,
            world,
            scheme,
            self._database,
            store,
            self.objects,
            self.metrics,
            self._tenure,
        )
        self._server: ApiServer | None = None
        self._tokens: Tokens | None = None
        self.term: Term | None = None
        """What this operator does while it acts; None while it stands by."""
        self.url = ""

    async def run(
        self,
        stop: asyncio.Event,
        started: asyncio.Event | None = None,
        acting: Callable[[], object] = lambda: None,
    ) -> None:
        """Runs until `stop` is set.

        Args:
            stop: set by the signal handler.
            started: set once the API is up, and everything else too if this operator acts at once.
            acting: called whenever this operator has begun to act.

        Raises:
            ConfigurationError: it had to end by itself.
        """
        elected, call = asyncio.Event(), asyncio.get_running_loop().call_soon_threadsafe
        failure: BaseException | None = None
        try:
            acts = await asyncio.to_thread(
                self._tenure.begin, lambda: call(elected.set), lambda: call(stop.set)
            )
            access = await self._serve()
            if acts:
                await self._act(access, stop, acting)
            elif self._settings.store or self._settings.kubeconfig:
                self._write_kubeconfig(access)
            logger.info("operator is up", extra={"api": self.url, "acts": acts})
            if started is not None:
                started.set()
            if not acts and await _first(elected, stop):
                await self._act(access, stop, acting)
            await stop.wait()
        finally:
            failure = await self._end()
        if failure is not None:
            raise ConfigurationError(f"kopf ended: {failure}")
        if self._tenure.lost:
            raise ConfigurationError(self._tenure.lost)

    async def _serve(self) -> ApiAccess:
        tokens, certificate = await asyncio.to_thread(self._credentials)
        self._tokens = tokens
        self._server = ApiServer(
            self.objects,
            AuditReader(self._database),
            tokens=tokens,
            options=self._options(certificate),
            extra_routes=self._routes(),
            registry=self.metrics.registry,
        )
        self.url = await self._server.start()
        return ApiAccess(self.url, tokens.operator, certificate.certificate)

    async def _act(
        self, access: ApiAccess, stop: asyncio.Event, acting: Callable[[], object]
    ) -> None:
        self.term = await asyncio.to_thread(Term, self._parts, access)
        self.metrics.note_leader(acts=True)
        await self.term.begin(stop.set)
        # Written last: who waits for the file finds an operator that is up.
        self._write_kubeconfig(access)
        acting()

    async def _end(self) -> BaseException | None:
        """Begins nothing new, hands the lease on, ends the API; gives what kopf failed with."""
        failure = None
        logger.info("operator is stopping")
        if self.term is not None:
            await self.term.end(grace=not self._tenure.lost)
            await asyncio.to_thread(self._parts.world.close)
        await asyncio.to_thread(self._tenure.end)
        self.metrics.note_leader(acts=False)
        if self.term is not None:
            failure = await self.term.close()
        if self._server is not None:
            await self._server.stop()
        await asyncio.to_thread(self._database.close)
        self._lock.close()
        logger.info("operator has stopped")
        return failure

    def _credentials(self) -> tuple[Tokens, ServerCertificate]:
        folder = self._settings.data_dir
        hosts = (*LOOPBACK, *({self._settings.host} - {*LOOPBACK, "0.0.0.0", "::"}))  # noqa: S104
        with one_at_a_time(folder):
            return Tokens.in_folder(folder), ServerCertificate.in_folder(folder, hosts)

    def _write_kubeconfig(self, access: ApiAccess) -> None:
        write_kubeconfig(
            self._settings.kubeconfig_path,
            server=self.url,
            token=self._tokens.admin if self._tokens else "",
            authority=access.authority.read_bytes(),
        )

    def _options(self, certificate: ServerCertificate) -> ServerOptions:
        settings = self._settings
        certificate_file, key_file = settings.tls_cert, settings.tls_key
        given = certificate_file and key_file and ServerCertificate(certificate_file, key_file)
        issued = TokenFolder(settings.data_dir / TOKENS)
        return ServerOptions(
            host=settings.host,
            port=settings.port,
            certificate=certificate,
            named_certificate=given or None,
            token_sources=(issued, SecretTokens(settings.token_secrets)),
            guarded=frozenset({"/metrics"}),
            tidies=lambda: self._tenure.acts,
        )

    def _routes(self) -> list[web.RouteDef]:
        async def metrics(_request: web.Request) -> web.Response:
            body = await asyncio.to_thread(self.metrics.render)
            return web.Response(body=body, headers={"Content-Type": METRICS_FORMAT})

        async def ready(_request: web.Request) -> web.Response:
            problem = self._tenure.problem() or (self.term.problem() if self.term else "")
            text = problem or ("ok" if self.term else "ok: standing by, another operator acts")
            return web.Response(text=text, status=500 if problem else 200)

        routes = [web.get("/metrics", metrics), web.get("/readyz", ready)]
        if self._settings.git or self._settings.folder:
            routes.append(webhook.route(self._webhook_secret, self._ask_for_a_look))
        return routes

    def _webhook_secret(self) -> str:
        path = self._settings.webhook_secret_file
        return path.read_text(encoding="utf-8").strip() if path else ""

    async def _ask_for_a_look(self) -> None:
        """Looks at the source, or asks the operator that acts to do so, through the store."""
        if self.term is not None:
            self.term.look_at_source()
            return
        when = datetime.now(UTC).isoformat(timespec="microseconds")
        patch = {"metadata": {"annotations": {REQUESTED_AT: when}}}
        try:
            await asyncio.to_thread(
                self.objects.patch, source_ref(self._settings), patch, actor=ACTOR
            )
        except ApiError as error:
            raise webhook.Unavailable(
                f"standing by, and the one that acts can't be asked: {error}"
            ) from error


async def _first(wanted: asyncio.Event, other: asyncio.Event) -> bool:
    """Waits for one of two events; whether it is the first, and the other is not set."""
    waiting = [asyncio.create_task(event.wait()) for event in (wanted, other)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return wanted.is_set() and not other.is_set()


def _lock(settings: Settings) -> IO[str]:
    """The data folder: for this process alone, or for all operators on the SQLite file in it."""
    try:
        return lock_folder(settings.data_dir, shared=not settings.store)
    except DatabaseError as error:
        raise ConfigurationError(str(error)) from error
