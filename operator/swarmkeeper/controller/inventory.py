"""Series about each object: what it is, whether it is Ready, and for how long it has been out of sync.

They follow the objects as the API tells of them, so they are right also after a restart, for objects
that are suspended, and for those that are gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.names import REVISION
from swarmkeeper.runtime import conditions


@dataclass(frozen=True, slots=True)
class _Known:
    """The labels of an object, and since when it is out of sync (seconds since the epoch)."""

    ready: str
    suspended: str
    revision: str
    since: float | None


class Inventory(Collector):
    """Collects the series when they are scraped; between scrapes it costs one entry an object.

    Args:
        now: seconds since the epoch; replaced in tests.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._known: dict[ObjectRef, _Known] = {}

    def note(self, ref: ObjectRef, body: JsonObject) -> None:
        """Takes over an object as it is on the API now."""
        status = body.get("status") or {}
        ready = conditions.find(status.get("conditions", ()), conditions.READY) or {}
        current = ready.get("observedGeneration") == body["metadata"].get("generation")
        since = status.get("driftSince")
        self._known[ref] = _Known(
            ready=str(ready.get("status", "Unknown")) if current else "Unknown",
            suspended="true" if (body.get("spec") or {}).get("suspend") else "false",
            revision=_revision(body, status),
            since=datetime.fromisoformat(since).timestamp() if since else None,
        )

    def forget(self, ref: ObjectRef) -> None:
        """Drops the series of an object that is gone."""
        self._known.pop(ref, None)

    def describe(self) -> Iterator[Metric]:
        """The series without samples: registering must not need any object."""
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        """The series of all objects."""
        info, drift = _families()
        now = self._now()
        for ref, known in sorted(self._known.copy().items()):
            name = [ref.kind, ref.namespace, ref.name]
            info.add_metric([*name, known.ready, known.suspended, known.revision], 1)
            if known.since is not None:
                drift.add_metric(name, max(0.0, now - known.since))
        yield info
        yield drift


def _revision(body: JsonObject, status: JsonObject) -> str:
    """What the object was last applied from; for a source, what it has given."""
    noted = (body["metadata"].get("annotations") or {}).get(REVISION, "")
    return str(noted or (status.get("artifact") or {}).get("revision", ""))


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    name = ("kind", "namespace", "name")
    info = GaugeMetricFamily(
        "swarmkeeper_resource_info",
        "Every object, always 1: its readiness, suspension and source revision are labels.",
        labels=(*name, "ready", "suspended", "revision"),
    )
    drift = GaugeMetricFamily(
        "swarmkeeper_drift_seconds",
        "For how long an object has been out of sync; no series while it is in sync.",
        labels=name,
    )
    return info, drift
