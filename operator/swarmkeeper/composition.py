"""The composition root: builds the operator from its parts, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol

from aiohttp import web

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from desired_state.runbook_run import RUNBOOK_RUN
from desired_state.scheme import Scheme
from desired_state.sources import FolderSource, GitSource, Source, SourceConfig
from reconcilers.registry import RECONCILERS
from swarmkeeper.apiserver.access import Tokens
from swarmkeeper.apiserver.certificates import LOOPBACK, ServerCertificate
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig
from swarmkeeper.apiserver.resources import Resources
from swarmkeeper.apiserver.server import ApiServer, ServerOptions
from swarmkeeper.apiserver.tokens import FOLDER as TOKENS
from swarmkeeper.apiserver.tokens import SecretTokens, TokenFolder
from swarmkeeper.controller import webhook
from swarmkeeper.controller.controller import Controller
from swarmkeeper.controller.deps import Deps, no_checkpoint
from swarmkeeper.controller.guard import CHECKS, Guard
from swarmkeeper.controller.kopf_host import ApiAccess, KopfHost
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.controller.names import ACTOR
from swarmkeeper.controller.origins import Origins
from swarmkeeper.controller.recorder import Recorder
from swarmkeeper.controller.signals import SignalIndex
from swarmkeeper.controller.source_loop import SourceJob, SourceLoop
from swarmkeeper.controller.traced import traced
from swarmkeeper.guarding import policy_of
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import Tracer
from swarmkeeper.settings import Settings
from swarmkeeper.source_settings import demand, seeded
from swarmkeeper.store.audit import AuditTrail
from swarmkeeper.store.memory import Memory
from swarmkeeper.store.opening import Place, lock_folder
from swarmkeeper.store.sql import DatabaseError, SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore
from swarmkeeper.store.tenure import Tenure

METRICS_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format, as `render` writes it; Prometheus 3 takes no answer that names none."""
logger = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """The operator can't be started as it was asked to; the message says what to change."""


class Watcher(Protocol):
    """Tells of movements in the world, until it is stopped."""

    def start(self) -> None:
        """Begins to watch; returns at once."""
        ...

    def stop(self) -> None:
        """Ends promptly."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The outside world as the operator meets it; tests and benches bring their own.

    Attributes:
        ports: what kinds may ask.
        watch: (on_signals, on_gap) -> a watcher of events.
        reconcilers: by kind name.
        checkpoint: called at each step of a pass, for crash tests.
        tracer: told of the steps of passes; None: nobody is.
        redactor: takes secrets out of texts that others wrote.
    """

    ports: Ports
    watch: Callable[[Callable[[set[str]], None], Callable[[], None]], Watcher]
    reconcilers: Mapping[str, Reconciler[Any, Any]] = field(default_factory=lambda: RECONCILERS)
    checkpoint: Callable[[str], None] = no_checkpoint
    tracer: Tracer | None = None
    redactor: Redactor = field(default_factory=Redactor)


class Operator:
    """One operator process.

    Args:
        settings: how to run.
        world: the outside world.
    """

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._lock = _lock(settings.data_dir)
        self._scheme = Scheme(
            [
                GIT_REPOSITORY,
                RUNBOOK_RUN,
                *(reconciler.kind for reconciler in world.reconcilers.values()),
            ]
        )
        place = Place(settings.data_dir, settings.store, settings.store_password_file)
        self._database = place.open()
        self._tenure = self._begin(place)
        self._store = SqlObjectStore(self._database)
        self.objects = Resources(self._store, self._scheme, clock=world.ports.clock)
        self.deps = self._deps(self._database)
        self.controller = Controller(self.deps, workers=settings.workers)
        self._source = self._source_loop()
        self._watcher = world.watch(self.controller.on_signals, self.controller.look_at_all)
        self.url = ""

    async def run(self, stop: asyncio.Event, started: asyncio.Event | None = None) -> None:
        """Runs until `stop` is set.

        Args:
            stop: set by the signal handler.
            started: set once everything is up.
        """
        loop = asyncio.get_running_loop()
        self._tenure.keep(lambda: loop.call_soon_threadsafe(stop.set))
        tokens = Tokens.in_folder(self._settings.data_dir)
        certificate = await asyncio.to_thread(self._certificate)
        server = ApiServer(
            self.objects,
            tokens=tokens,
            options=_server_options(self._settings, certificate),
            extra_routes=self._routes(),
            registry=self.deps.metrics.registry,
        )
        self.url = await server.start()
        self._seed_source()
        access = ApiAccess(self.url, tokens.operator, certificate.certificate)
        host = KopfHost(access, self._scheme, self.controller.on_change)
        kopf_task = asyncio.create_task(host.run(), name="kopf")
        kopf_task.add_done_callback(lambda _task: stop.set())
        await host.wait_ready(kopf_task)
        await self._start()
        # Written last: who waits for the file finds an operator that is up.
        write_kubeconfig(
            self._settings.kubeconfig_path,
            server=self.url,
            token=tokens.admin,
            authority=certificate.certificate.read_bytes(),
        )
        logger.info(
            "operator is up", extra={"api": self.url, "kubeconfig": self._settings.kubeconfig_path}
        )
        if started is not None:
            started.set()
        try:
            await stop.wait()
        finally:
            await self._stop()
            host.stop()
            await asyncio.wait([kopf_task], timeout=self._settings.grace.total_seconds())
            await server.stop()
            await asyncio.to_thread(self._tenure.end)
            self._database.close()
            self._lock.close()
            logger.info("operator has stopped")
        if kopf_task.done() and not kopf_task.cancelled() and kopf_task.exception():
            raise ConfigurationError(f"kopf ended: {kopf_task.exception()}")
        if self._tenure.lost:
            raise ConfigurationError("another operator has taken over")

    def _begin(self, place: Place) -> Tenure:
        try:
            return Tenure(place, self._database)
        except DatabaseError:
            self._database.close()
            self._lock.close()
            raise

    def _certificate(self) -> ServerCertificate:
        hosts = (*LOOPBACK, *({self._settings.host} - {*LOOPBACK, "0.0.0.0", "::"}))  # noqa: S104
        return ServerCertificate.in_folder(self._settings.data_dir, hosts)

    async def _start(self) -> None:
        await asyncio.to_thread(self.controller.start)
        self._watcher.start()
        if self._source is not None:
            self._source.start()

    async def _stop(self) -> None:
        """Nothing new is begun; steps that run end, or leave their intent in the audit trail."""
        grace = self._settings.grace.total_seconds()
        self._watcher.stop()
        if self._source is not None:
            await asyncio.to_thread(self._source.stop, grace)
        if not await asyncio.to_thread(self.controller.stop, grace):
            logger.warning("passes did not end in time", extra={"grace": grace})

    def _deps(self, database: SqlDatabase) -> Deps:
        policy = policy_of(self._settings)
        redactor = self._world.redactor
        deps = Deps(
            reconcilers=self._world.reconcilers,
            objects=self.objects,
            ports=self._world.ports,
            guard=Guard(CHECKS),
            trail=AuditTrail(database, fence=self._tenure.check, redact=redactor.text),
            memory=Memory(database),
            recorder=Recorder(self.objects, actor=ACTOR, redactor=redactor),
            origins=Origins(),
            signals=SignalIndex(),
            metrics=Metrics(),
            policy=policy,
            admission=policy.admission(),
            redactor=redactor,
            checkpoint=self._world.checkpoint,
        )
        return traced(deps, self._world.tracer) if self._world.tracer else deps

    def _routes(self) -> list[web.RouteDef]:
        async def metrics(_request: web.Request) -> web.Response:
            body = await asyncio.to_thread(self.deps.metrics.render)
            return web.Response(body=body, headers={"Content-Type": METRICS_FORMAT})

        async def ready(_request: web.Request) -> web.Response:
            problem = self.controller.problem()
            return web.Response(text=problem or "ok", status=500 if problem else 200)

        routes = [web.get("/metrics", metrics), web.get("/readyz", ready)]
        if self._source is not None:
            routes.append(webhook.route(self._webhook_secret, self._source.trigger))
        return routes

    def _webhook_secret(self) -> str:
        path = self._settings.webhook_secret_file
        return path.read_text(encoding="utf-8").strip() if path else ""

    def _source_loop(self) -> SourceLoop | None:
        source = _source(self._settings)
        if source is None:
            return None
        ref = ObjectRef(GIT_REPOSITORY.name, self._settings.source_name)
        job = SourceJob(ref, source, self._scheme, demand(self._settings))
        loop = SourceLoop(self.deps, job, self._look_at)
        self.controller.add_source(ref, loop.trigger)
        return loop

    def _look_at(self, refs: Any) -> None:
        self.controller.look_at(refs, urgent=True)

    def _seed_source(self) -> None:
        """Makes the GitRepository object say what the settings say."""
        if self._source is None:
            return
        wanted = _repository(self._settings)
        ref = ObjectRef(GIT_REPOSITORY.name, self._settings.source_name)
        stored = self.objects.get(ref)
        if stored is None:
            self.objects.create(wanted, actor=ACTOR)
        else:
            spec = seeded(stored["spec"], wanted["spec"])
            self.objects.replace({**stored, "spec": spec}, actor=ACTOR)


def _server_options(settings: Settings, certificate: ServerCertificate) -> ServerOptions:
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
    )


def _source(settings: Settings) -> Source | None:
    if settings.folder is not None:
        if settings.git:
            raise ConfigurationError("give either a git URL or a folder, not both")
        return FolderSource(settings.folder.resolve())
    if not settings.git:
        return None
    config = SourceConfig(
        url=settings.git,
        **settings.ref,
        path=settings.path,
        token_file=settings.git_token_file,
        ssh_key_file=settings.git_ssh_key_file,
        known_hosts_file=settings.git_known_hosts_file,
        ca_file=settings.git_ca_file,
    )
    return GitSource(config, settings.data_dir / "source")


def _repository(settings: Settings) -> JsonObject:
    spec: JsonObject = {
        "url": settings.git or str(settings.folder.resolve() if settings.folder else ""),
        "path": settings.path,
        "interval": f"{settings.source_interval.total_seconds():g}s",
        "prune": settings.prune,
        "allowEmpty": settings.allow_empty,
    }
    if settings.git:
        spec.update(settings.ref)
    if settings.verify_mode is not None:
        spec["verify"] = {"mode": str(settings.verify_mode)}
    return {
        "apiVersion": API_VERSION,
        "kind": GIT_REPOSITORY.name,
        "metadata": {"name": settings.source_name},
        "spec": spec,
    }


def _lock(data_dir: Path) -> IO[str]:
    try:
        return lock_folder(data_dir)
    except DatabaseError as error:
        raise ConfigurationError(str(error)) from error
