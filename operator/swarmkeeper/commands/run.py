"""`swarmkeeper run`: runs the operator until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from swarmkeeper import logs
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.docker.events import EngineEvents
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.adapters.postgres.backups import PostgresBackups
from swarmkeeper.adapters.redis.streams import EXPORTS, RedisStreams
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import in_data_folder
from swarmkeeper.adapters.tls.folder import FOLDER
from swarmkeeper.adapters.tls.traefik_storage import FOLDER as TRAEFIK
from swarmkeeper.adapters.tls.traefik_storage import TraefikFiles
from swarmkeeper.composition import ConfigurationError, Operator, World
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import NO_TRACER, Tracer
from swarmkeeper.settings import LogFormat, Settings

if TYPE_CHECKING:
    from swarmkeeper.adapters.otlp import OtlpTracer


def world(
    settings: Settings, tracer: Tracer | None = None, redactor: Redactor | None = None
) -> World:
    """The real outside world: a Docker Swarm manager, HTTP and this machine's clock."""
    swarm = DockerSwarm(settings.docker_host, tracer=tracer or NO_TRACER)
    redactor = redactor or Redactor()
    secrets = SecretFolder(settings.secrets, redactor.learn)
    backups = PostgresBackups(secrets)
    published = settings.certificates or settings.data_dir / FOLDER
    listen = (settings.acme_host, settings.acme_port)
    clock = SystemClock()
    ports = Ports(
        swarm,
        UrlProbe(tracer=tracer or NO_TRACER),
        clock,
        RedisStreams(secrets, settings.data_dir / EXPORTS),
        backups,
        in_data_folder(secrets, settings.data_dir, published, clock, listen),
        TraefikFiles(settings.traefik_storage or settings.data_dir / TRAEFIK),
    )
    return World(
        ports=ports,
        watch=lambda on_signals, on_gap: EngineEvents(settings.docker_host, on_signals, on_gap),
        tracer=tracer,
        redactor=redactor,
        close=backups.close,
    )


def run(settings: Settings) -> None:
    """Runs until a signal comes.

    Raises:
        ConfigurationError: it can't be started as asked.
    """
    redactor = Redactor(files=own_secret_files(settings))
    json = settings.log_format is LogFormat.JSON
    logs.configure(json=json, level=settings.log_level, redactor=redactor)
    if not settings.traces:
        asyncio.run(serve(Operator(settings, world(settings, redactor=redactor))))
        return
    tracer = _tracer(redactor)
    try:
        operator = Operator(settings, world(settings, tracer, redactor))
        tracer.register(operator.metrics.registry)
        asyncio.run(serve(operator))
    finally:
        tracer.close()


def own_secret_files(settings: Settings) -> list[Path]:
    """Files with the operator's own secrets, which are to be known wherever they turn up."""
    files = (settings.git_token_file, settings.store_password_file, settings.webhook_secret_file)
    return [file for file in files if file is not None]


def _tracer(redactor: Redactor) -> OtlpTracer:
    try:
        from swarmkeeper.adapters.otlp import OtlpTracer  # noqa: PLC0415 - an extra, and not small
    except ImportError as error:
        raise ConfigurationError(
            f"--traces needs OpenTelemetry ({error.name} is missing): install swarmkeeper[otlp]"
        ) from error
    try:
        return OtlpTracer(redactor.text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


async def serve(operator: Operator) -> None:
    """Runs an operator until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    # kopf puts its own handlers there whenever it begins, and would stop first and slowly.
    await operator.run(stop, acting=lambda: _stop_on_signals(stop))


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
