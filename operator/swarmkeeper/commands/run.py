"""`swarmkeeper run`: runs the operator until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal

from swarmkeeper import logs
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.adapters.docker.events import EngineEvents
from swarmkeeper.adapters.http import UrlProbe
from swarmkeeper.composition import Operator, World
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.settings import LogFormat, Settings


def world(settings: Settings) -> World:
    """The real outside world: a Docker Swarm manager, HTTP and this machine's clock."""
    ports = Ports(DockerSwarm(settings.docker_host), UrlProbe(), SystemClock())
    return World(
        ports=ports,
        watch=lambda on_signals, on_gap: EngineEvents(settings.docker_host, on_signals, on_gap),
    )


def run(settings: Settings) -> None:
    """Runs until a signal comes.

    Raises:
        ConfigurationError: it can't be started as asked.
    """
    logs.configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
    asyncio.run(serve(Operator(settings, world(settings))))


async def serve(operator: Operator) -> None:
    """Runs an operator until SIGTERM or SIGINT."""
    stop, started = asyncio.Event(), asyncio.Event()
    _stop_on_signals(stop)
    running = asyncio.create_task(operator.run(stop, started))
    up = asyncio.create_task(started.wait())
    await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
    _stop_on_signals(stop)  # kopf has put its own handlers there, and would stop first and slowly
    await running
    up.cancel()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
