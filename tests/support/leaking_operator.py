"""The real operator on an engine whose errors tell secrets: what must never get out, if it can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from desired_state.objects import JsonObject
from swarmkeeper import cli
from swarmkeeper.commands import run
from swarmkeeper.composition import World
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.swarm import Refused, Service, SwarmUnavailable
from swarmkeeper.runtime.tracing import Tracer
from swarmkeeper.settings import Settings
from swarmkeeper.testing.swarm import FakeSwarm

IN_URL = "planted-in-url"
IN_ENV = "planted \"in' env"
IN_PAIR = "planted-in-pair"
IN_HEADER = "planted.in.header"
IN_FILE = "planted-in-file"
TEXT = (
    f"can't connect to postgres://app:{IN_URL}@db/x: login with {IN_ENV} refused,"
    f" {IN_FILE} as well (password={IN_PAIR}, Authorization: Bearer {IN_HEADER})"
)


class Leaky(FakeSwarm):
    """An engine that tells all it knows in its errors."""

    def service(self, name: str) -> Service | None:
        """Breaks down, with a text that holds secrets, for one name."""
        if name == "unexpected":
            raise RuntimeError(TEXT)
        if name == "unavailable":
            raise SwarmUnavailable(TEXT)
        return super().service(name)

    def create(self, spec: JsonObject) -> str:
        """Refuses one name."""
        if spec["Name"] == "refused":
            raise Refused(TEXT)
        if spec["Name"] == "broken":
            raise RuntimeError(TEXT)
        return super().create(spec)

    def update(self, service: str, change: Callable[[Service], JsonObject | None]) -> int | None:
        """Refuses everything."""
        raise Refused(TEXT)


def main() -> None:
    """Puts the engine in, and goes on as `swarmkeeper` does."""
    real_world = run.world

    def world(
        settings: Settings, tracer: Tracer | None = None, redactor: Redactor | None = None
    ) -> World:
        real = real_world(settings, tracer, redactor)
        return replace(real, ports=replace(real.ports, swarm=Leaky()))

    run.world = world
    cli.main()


if __name__ == "__main__":
    main()
