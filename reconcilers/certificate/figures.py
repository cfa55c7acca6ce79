"""Figures of a certificate for Prometheus, with cert-manager's names behind our prefix."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from swarmkeeper.runtime.certificates import Facts, Served
from swarmkeeper.runtime.conditions import Status
from swarmkeeper.runtime.figures import Figure

_PREFIX: Final = "swarmkeeper_certificate"


def figures(
    served: tuple[Served, ...], current: Facts | None, due: datetime | None, ready: Status
) -> tuple[Figure, ...]:
    """All figures; what is not known is left out: unknown is not zero."""
    return (*_ready(ready), *_of(current, due), *_served(served))


def _ready(ready: Status) -> Iterator[Figure]:
    for status in Status:
        yield Figure(
            f"{_PREFIX}_ready_status",
            "Whether the certificate is well: 1 at the condition that holds.",
            float(status is ready),
            {"condition": str(status)},
        )


def _of(facts: Facts | None, due: datetime | None) -> Iterator[Figure]:
    if facts is None or due is None:
        return
    times = {
        "not_before": ("When the certificate begins to be valid.", facts.not_before),
        "not_after": ("When the certificate ends.", facts.not_after),
        "expiration": ("When the certificate ends.", facts.not_after),
        "renewal": ("When the certificate is due to be renewed.", due),
    }
    for name, (description, time) in times.items():
        yield Figure(f"{_PREFIX}_{name}_timestamp_seconds", description, time.timestamp())


def _served(served: tuple[Served, ...]) -> Iterator[Figure]:
    for one in served:
        if isinstance(one.facts, Facts):
            yield Figure(
                f"{_PREFIX}_served_not_after_timestamp_seconds",
                "When the certificate ends that an address of an endpoint shows.",
                one.facts.not_after.timestamp(),
                {
                    "endpoint": str(one.endpoint),
                    "server_name": one.endpoint.server_name,
                    "address": one.address,
                },
            )
