"""Events are stored once, in the shape of core/v1, and served in that of events.k8s.io/v1 too.

Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.catalogue import EVENT, EVENT_V1, ResourceType
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.verbs import Caller, Verbs
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.objects import Stored

TIME_TO_LIVE: Final = timedelta(hours=1)
"""How long events are kept after they happened last; as in Kubernetes."""

_RENAMED: Final = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_RENAMED_BACK: Final = {new: old for old, new in _RENAMED.items()}


def stored_type(type_: ResourceType) -> ResourceType:
    """The resource under whose rules the objects are stored."""
    return EVENT if type_ is EVENT_V1 else type_


def outward(type_: ResourceType, obj: JsonObject) -> JsonObject:
    """A stored object in the shape of the resource that was asked for."""
    if type_ is not EVENT_V1:
        return obj
    renamed = {_RENAMED.get(key, key): value for key, value in obj.items()}
    return renamed | {"apiVersion": EVENT_V1.api_version}


def inward(type_: ResourceType, obj: JsonObject) -> JsonObject:
    """An object from a client in the shape that is stored."""
    if type_ is not EVENT_V1:
        return obj
    renamed = {_RENAMED_BACK.get(key, key): value for key, value in obj.items()}
    return renamed | {"apiVersion": EVENT.api_version}


def outward_bytes(type_: ResourceType, stored: Stored) -> bytes:
    """As `outward`, serialised; decodes only where the shapes differ."""
    if type_ is not EVENT_V1:
        return stored.value
    return orjson.dumps(outward(type_, stored.load()))


def outward_values(type_: ResourceType, items: Iterable[Stored]) -> list[bytes]:
    """As `outward_bytes`, of many."""
    if type_ is not EVENT_V1:
        return [stored.value for stored in items]
    return [outward_bytes(type_, stored) for stored in items]


def last_seen(event: JsonObject) -> datetime | None:
    """When an event happened last, or None where it does not say."""
    series = event.get("series")
    observed = series.get("lastObservedTime") if isinstance(series, dict) else None
    candidates = (
        observed,
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return next((time for time in map(read_time, candidates) if time), None)


def read_time(text: object) -> datetime | None:
    """Reads RFC 3339, or gives None for anything else; times without a zone are UTC."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def expire(verbs: Verbs, *, before: datetime) -> int:
    """Deletes the events that happened last before a time.

    Args:
        verbs: the objects.
        before: timezone-aware.

    Returns:
        How many there were.
    """
    count = 0
    for stored in verbs.store.list(EVENT.kind).items:
        seen = last_seen(stored.load())
        if seen is not None and seen < before:
            count += _delete(verbs, stored)
    return count


def _delete(verbs: Verbs, stored: Stored) -> bool:
    try:
        verbs.delete(EVENT, stored.key, Caller(PROGRAM))
    except ApiError:  # someone else was faster
        return False
    return True
