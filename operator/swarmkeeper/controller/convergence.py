"""How long objects take to become Ready again, after a drift or a change of their spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from desired_state.objects import ObjectRef
from swarmkeeper.controller.report import Report


@dataclass(frozen=True, slots=True)
class Converging:
    """An object that is on its way.

    Attributes:
        generation: of the spec that it is to follow.
        since: monotonic seconds at which the drift, or the generation, was first seen.
    """

    generation: int
    since: float


class Convergence:
    """Remembers which objects are on their way; one object is never asked about by two threads."""

    def __init__(self) -> None:
        self._open: dict[ObjectRef, Converging] = {}

    def ended(
        self,
        ref: ObjectRef,
        previous: Mapping[str, Any],
        report: Report,
        *,
        started: float,
        ready: bool,
    ) -> float | None:
        """Takes note of a pass.

        Args:
            ref: the object.
            previous: its status before the pass.
            report: what the pass found and did.
            started: monotonic start of the pass.
            ready: whether it is Ready now.

        Returns:
            Monotonic seconds at which the way began that has ended with this pass, or None.
        """
        if report.left_alone is not None:
            self.forget(ref)
            return None
        found = self._open.get(ref)
        if found is None or found.generation != report.generation:
            since = _since(previous, report, started)
            if since is None:
                return None
            found = self._open[ref] = Converging(report.generation, since)
        if not ready:
            return None
        self.forget(ref)
        return found.since

    def forget(self, ref: ObjectRef) -> None:
        """Forgets an object that is gone."""
        self._open.pop(ref, None)


def _since(previous: Mapping[str, Any], report: Report, started: float) -> float | None:
    """When the way began; None where the object is on none."""
    if previous.get("observedGeneration") != report.generation:
        return started
    if seen := previous.get("driftSince"):  # by this operator before its restart, or by another
        return started - max(timedelta(), report.now - datetime.fromisoformat(seen)).total_seconds()
    drifted = report.plan is not None and bool(report.plan.drift or report.plan.actions)
    return started if drifted or report.taken else None
