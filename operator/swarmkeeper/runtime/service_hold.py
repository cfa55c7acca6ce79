"""A hold on a service: who works on it in several steps, and until when others leave it alone.

It lies in two labels of the service itself, written with the step that needs it: nobody can see the one
without the other, whoever operates. It lapses by itself, so that a holder who died holds nothing up for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from desired_state.objects import JsonObject

BY: Final = "swarmkeeper.dev/held-by"
UNTIL: Final = "swarmkeeper.dev/held-until"
LABELS: Final = (BY, UNTIL)


@dataclass(frozen=True, slots=True)
class ServiceHold:
    """A hold that has not lapsed.

    Attributes:
        by: object that holds the service, e.g. `Certificate/web`.
        until: when the hold lapses at the latest.
    """

    by: str
    until: datetime

    def __str__(self) -> str:
        """For people."""
        return f"{self.by} works on it until {self.until:%H:%M:%S} UTC at the latest"


def hold_of(spec: Mapping[str, Any], now: datetime) -> ServiceHold | None:
    """The hold on a service, or None where there is none, or it has lapsed.

    Args:
        spec: ServiceSpec.
        now: timezone-aware.
    """
    labels = spec.get("Labels") or {}
    try:
        until = datetime.fromisoformat(labels[UNTIL])
        return ServiceHold(labels[BY], until) if until > now else None
    except (KeyError, ValueError, TypeError):
        return None


def hold(document: JsonObject, by: str, until: datetime) -> None:
    """Writes a hold into a ServiceSpec, in place."""
    labels = document.get("Labels") or {}
    document["Labels"] = {**labels, BY: by, UNTIL: until.isoformat(timespec="seconds")}


def let_go(document: JsonObject) -> None:
    """Takes a hold off a ServiceSpec, in place."""
    for name in LABELS:
        (document.get("Labels") or {}).pop(name, None)
