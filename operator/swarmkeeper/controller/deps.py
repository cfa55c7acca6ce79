"""What the controller is built from; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from swarmkeeper.controller.guard import Guard, Policy
from swarmkeeper.controller.metrics import Metrics
from swarmkeeper.controller.origins import Origins
from swarmkeeper.controller.recorder import Recorder
from swarmkeeper.controller.signals import SignalIndex
from swarmkeeper.runtime.ports import Objects, Ports
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.runtime.tracing import NO_TRACER, Tracer
from swarmkeeper.store.audit import AuditTrail
from swarmkeeper.store.memory import Memory


def nobody_else() -> None:
    """Does nothing: no other operator could act."""


def no_checkpoint(_name: str) -> None:
    """Does nothing: in tests, a checkpoint is where the process is killed."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything that a pass needs.

    Attributes:
        reconcilers: by kind name.
        objects: the embedded API.
        ports: the outside world.
        guard: between plan and act.
        trail: the audit trail.
        memory: what kinds remember.
        recorder: events for people.
        origins: where fields were declared.
        signals: who listens to what.
        metrics: counters and timings.
        policy: what the guard holds to for all objects.
        admission: held from the guard's yes to the intent.
        tracer: told of the steps of a pass.
        redactor: takes secrets out of texts that others wrote.
        require_lease: raises LeaseLost where another operator may act by now.
        checkpoint: called with the name of each step of a pass, for crash tests.
    """

    reconcilers: Mapping[str, Reconciler[Any, Any]]
    objects: Objects
    ports: Ports
    guard: Guard
    trail: AuditTrail
    memory: Memory
    recorder: Recorder
    origins: Origins
    signals: SignalIndex
    metrics: Metrics
    policy: Policy = field(default=Policy())
    admission: AbstractContextManager[Any] = field(default_factory=nullcontext)
    tracer: Tracer = NO_TRACER
    redactor: Redactor = field(default_factory=Redactor)
    require_lease: Callable[[], None] = field(default=nobody_else)
    checkpoint: Callable[[str], None] = field(default=no_checkpoint)
