"""How far a forced renewal is: a label on Traefik's service, written with the step that it tells of.

Whoever operates, after whatever crash, sees from the service itself what is to be done next.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.runtime import service_hold

LABEL: Final = "swarmkeeper.dev/renewal"
GRACE: Final = timedelta(minutes=5)
"""How much longer than its present step a renewal holds the service."""


class Step(StrEnum):
    """What is waited for."""

    STOP = "stop"
    """Traefik ends; then the certificate is taken out of its file."""
    START = "start"
    """Traefik shows a new one."""
    STOP_AGAIN = "stop-again"
    """It did not, and ends; then the old one is put back."""
    RESTORE = "restore"
    """Traefik shows the old one."""


@dataclass(frozen=True, slots=True)
class Journal:
    """One forced renewal.

    Attributes:
        object: whose it is.
        key: of the attempt in the ledger.
        by_hand: people have asked for it, by a request of that key.
        serial: of the certificate that is renewed.
        names: whom that stands for.
        replicas: that the service had.
        at: when it began.
        step: what is waited for.
        until: how long that may take.
        reason: why it has failed; empty while it has not.
        message: the same for people.
    """

    object: str
    key: str
    by_hand: bool
    serial: str
    names: tuple[str, ...]
    replicas: int
    at: datetime
    step: Step
    until: datetime
    reason: str = ""
    message: str = ""

    @property
    def stopped(self) -> bool:
        """Whether Traefik is not to run."""
        return self.step in (Step.STOP, Step.STOP_AGAIN)


def journal_of(spec: Mapping[str, Any]) -> Journal | None:
    """The renewal that is under way on a service, or None.

    Args:
        spec: ServiceSpec.
    """
    try:
        found = json.loads((spec.get("Labels") or {})[LABEL])
        return Journal(
            object=str(found["object"]),
            key=str(found["key"]),
            by_hand=bool(found["byHand"]),
            serial=str(found["serial"]),
            names=tuple(found["names"]),
            replicas=int(found["replicas"]),
            at=datetime.fromisoformat(found["at"]),
            step=Step(found["step"]),
            until=datetime.fromisoformat(found["until"]),
            reason=str(found["reason"]),
            message=str(found["message"]),
        )
    except (KeyError, ValueError, TypeError):
        return None


def entered(spec: JsonObject, journal: Journal) -> JsonObject:
    """A ServiceSpec in which a step is begun: Traefik stopped or started, and the service held."""
    document = copy.deepcopy(spec)
    service_hold.hold(document, journal.object, journal.until + GRACE)
    document["Labels"][LABEL] = json.dumps(
        {
            "object": journal.object,
            "key": journal.key,
            "byHand": journal.by_hand,
            "serial": journal.serial,
            "names": list(journal.names),
            "replicas": journal.replicas,
            "at": journal.at.isoformat(),
            "step": str(journal.step),
            "until": journal.until.isoformat(),
            "reason": journal.reason,
            "message": journal.message,
        }
    )
    document["Mode"] = {"Replicated": {"Replicas": 0 if journal.stopped else journal.replicas}}
    return document


def closed(spec: JsonObject) -> JsonObject:
    """A ServiceSpec without a renewal, and not held."""
    document = copy.deepcopy(spec)
    service_hold.let_go(document)
    document["Labels"].pop(LABEL, None)
    return document
