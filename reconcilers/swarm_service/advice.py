"""Declarations that are valid and will hurt: shown in `status.warnings`, never refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from desired_state.fields import format_duration
from reconcilers.swarm_service.parts import Order, PublishMode, UpdateFailureAction
from reconcilers.swarm_service.spec import SwarmServiceSpec

_MONITOR: Final = timedelta(seconds=5)  # Swarm's default
_INTERVAL: Final = timedelta(seconds=30)
_RETRIES: Final = 3


def advice(spec: SwarmServiceSpec) -> tuple[str, ...]:
    """What a careful colleague would say about a spec; empty if nothing."""
    return tuple(_advice(spec))


def _advice(spec: SwarmServiceSpec) -> Iterator[str]:
    update = spec.update
    if update.order is Order.START_FIRST and any(
        p.mode is PublishMode.HOST for p in spec.ports or ()
    ):
        yield (
            "update.order start-first with a host port: the new task needs the port that the old "
            "one holds, and waits for ever where no other node is free"
        )
    if update.order is Order.START_FIRST and spec.placement.max_replicas_per_node:
        yield (
            "update.order start-first with placement.maxReplicasPerNode: the new task finds no node "
            "while the old one runs"
        )
    monitor = update.monitor or _MONITOR
    if update.delay is not None and update.delay >= monitor:
        yield (
            f"update.delay {format_duration(update.delay)} is not shorter than update.monitor "
            f"{format_duration(monitor)}: failures are watched for no longer than the delay"
        )
    if spec.health_check.command is not None and monitor < _time_to_unhealthy(spec):
        yield (
            f"update.monitor {format_duration(monitor)} is shorter than the health check needs to "
            f"fail ({format_duration(_time_to_unhealthy(spec))}): a bad update counts as completed"
        )
    if spec.image is not None and update.failure_action in (None, UpdateFailureAction.PAUSE):
        yield (
            "update.failureAction is pause: a failed update stops half way until somebody resumes "
            "it; rollback goes back by itself"
        )


def _time_to_unhealthy(spec: SwarmServiceSpec) -> timedelta:
    check = spec.health_check
    interval = check.interval or _INTERVAL
    return (check.start_period or timedelta()) + interval * (check.retries or _RETRIES)
