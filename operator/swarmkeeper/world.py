"""The outside world as the operator meets it; tests and benches bring their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconcilers.registry import RECONCILERS
from swarmkeeper.controller.deps import no_checkpoint
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import Tracer


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
    """What is outside.

    Attributes:
        ports: what kinds may ask.
        watch: (on_signals, on_gap) -> a watcher of events.
        reconcilers: by kind name.
        checkpoint: called at each step of a pass, for crash tests.
        tracer: told of the steps of passes; None: nobody is.
        redactor: takes secrets out of texts that others wrote.
        close: ends what goes on outside of passes, when the operator no longer acts.
    """

    ports: Ports
    watch: Callable[[Callable[[set[str]], None], Callable[[], None]], Watcher]
    reconcilers: Mapping[str, Reconciler[Any, Any]] = field(default_factory=lambda: RECONCILERS)
    checkpoint: Callable[[str], None] = no_checkpoint
    tracer: Tracer | None = None
    redactor: Redactor = field(default_factory=Redactor)
    close: Callable[[], None] = lambda: None
