"""Dry run: the loop's own code, stopped after the plan. Reads the world, and only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desired_state.objects import CommonSpec, DeclaredObject, Mode, ObjectRef
from desired_state.snapshot import Snapshot
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Reconciler, Target
from swarmkeeper.runtime.swarm import SwarmError


@dataclass(frozen=True, slots=True)
class Preview:
    """What a pass over one object would find and do.

    Attributes:
        ref: the object.
        plan: drift and actions.
        left_alone: why the loop would not act (suspended, mode), or empty.
    """

    ref: ObjectRef
    plan: Plan
    left_alone: str = ""


def preview(
    snapshot: Snapshot, reconcilers: Mapping[str, Reconciler[Any, Any]], ports: Ports
) -> list[Preview]:
    """Plans every object of a snapshot against the world as it is.

    Args:
        snapshot: what should be.
        reconcilers: by kind name.
        ports: the outside world; nothing is written to it.
    """
    return [
        _preview(declared, reconcilers[ref.kind], ports)
        for ref, declared in sorted(snapshot.objects.items())
        if ref.kind in reconcilers
    ]


def _preview(declared: DeclaredObject, reconciler: Reconciler[Any, Any], ports: Ports) -> Preview:
    target: Target[Any] = Target(
        ref=declared.ref,
        uid="",
        generation=0,
        spec=declared.model,
        declared=declared.spec,
        origin_of=declared.origin_of,
        now=ports.clock.now(),
    )
    try:
        plan = reconciler.plan(target, reconciler.observe(target, ports))
    except SwarmError as error:
        plan = Plan(unknown=(str(error),))
    return Preview(declared.ref, plan, _left_alone(declared.model))


def _left_alone(spec: CommonSpec) -> str:
    if spec.suspend:
        return "suspended"
    return "" if spec.mode is Mode.ENFORCE else f"mode {spec.mode}"
