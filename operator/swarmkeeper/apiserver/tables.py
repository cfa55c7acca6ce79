"""`Table`: what `kubectl get` shows, computed here so that kubectl needs to know nothing of our kinds.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from desired_state.scheme import Column
from swarmkeeper.apiserver import jsonpath
from swarmkeeper.apiserver.catalogue import EVENT, EVENT_V1, ResourceType
from swarmkeeper.apiserver.events import last_seen, outward, read_time
from swarmkeeper.store.objects import Stored

_NAME: Final = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "priority": 0,
    "description": "",
}
_EVENT_COLUMNS: Final = (
    Column("Last Seen", ""),
    Column("Type", ""),
    Column("Reason", ""),
    Column("Object", ""),
    Column("Subobject", "", priority=1),
    Column("Source", "", priority=1),
    Column("Message", ""),
    Column("First Seen", "", priority=1),
    Column("Count", "", type="integer", priority=1),
    Column("Name", "", priority=1),
)
_YEAR_DAYS: Final = 365
_UNKNOWN: Final = "<unknown>"


@dataclass(frozen=True, slots=True)
class TableStyle:
    """How a client wants its table.

    Attributes:
        include: what each row carries beside its cells: `Metadata`, `Object` or `None`.
        now: ages are counted up to this time.
    """

    include: str
    now: datetime


def table(
    type_: ResourceType,
    items: Iterable[Stored],
    style: TableStyle,
    metadata: JsonObject,
    *,
    headings: bool = True,
) -> JsonObject:
    """A table of objects.

    Args:
        type_: the resource that was asked for.
        items: the objects.
        style: what the client wants.
        metadata: metadata of the list.
        headings: False leaves the columns out, as in a watch after its first event.
    """
    rows = [_row(type_, stored.load(), style) for stored in items]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": _headings(type_) if headings else [],
        "rows": rows,
    }


def human_duration(seconds: float) -> str:
    """An age as kubectl writes it: `45s`, `5m10s`, `3h`, `2d4h`, `400d`.

    Args:
        seconds: the age.
    """
    if seconds < -1:
        return "<invalid>"
    total = max(0, int(seconds))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    years = days // _YEAR_DAYS
    steps: tuple[tuple[bool, Callable[[], str]], ...] = (
        (total < 120, lambda: f"{total}s"),
        (minutes < 10, lambda: _two(minutes, "m", total % 60, "s")),
        (minutes < 180, lambda: f"{minutes}m"),
        (hours < 8, lambda: _two(hours, "h", minutes % 60, "m")),
        (hours < 48, lambda: f"{hours}h"),
        (hours < 192, lambda: _two(days, "d", hours % 24, "h")),
        (days < 2 * _YEAR_DAYS, lambda: f"{days}d"),
        (days < 8 * _YEAR_DAYS, lambda: _two(years, "y", days % _YEAR_DAYS, "d")),
    )
    return next((text() for fits, text in steps if fits), f"{years}y")


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}" + (f"{small}{small_unit}" if small else "")


def _columns(type_: ResourceType) -> tuple[Column, ...]:
    return _EVENT_COLUMNS if type_ in (EVENT, EVENT_V1) else type_.columns


def _headings(type_: ResourceType) -> list[JsonObject]:
    columns = [
        {
            "name": column.name,
            "type": "string" if column.type == "date" else column.type,
            "format": "",
            "priority": column.priority,
            "description": column.description,
        }
        for column in _columns(type_)
    ]
    return columns if type_ in (EVENT, EVENT_V1) else [_NAME, *columns]


def _row(type_: ResourceType, obj: JsonObject, style: TableStyle) -> JsonObject:
    if type_ in (EVENT, EVENT_V1):
        cells = _event_cells(obj, style.now)
    else:
        name = obj["metadata"]["name"]
        cells = [name, *(_cell(column, obj, style.now) for column in type_.columns)]
    row: JsonObject = {"cells": cells}
    if style.include == "Object":
        row["object"] = outward(type_, obj)
    elif style.include == "Metadata":
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = partial | {"metadata": obj["metadata"]}
    return row


def _cell(column: Column, obj: JsonObject, now: datetime) -> Any:
    value = jsonpath.first(column.path, obj)
    if column.type == "date":
        return _age(value, now)
    if value is None or column.type != "string":
        return value
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _age(value: object, now: datetime) -> str:
    time = value if isinstance(value, datetime) else read_time(value)
    return human_duration((now - time).total_seconds()) if time else _UNKNOWN


def _event_cells(event: JsonObject, now: datetime) -> list[Any]:
    """As `printEvent` of the Kubernetes API server orders them."""
    involved, source = event.get("involvedObject") or {}, event.get("source") or {}
    kind, name = str(involved.get("kind", "")).lower(), involved.get("name")
    series = event.get("series") or {}
    first = event.get("firstTimestamp") or event.get("eventTime")
    return [
        _age(last_seen(event), now),
        event.get("type", ""),
        event.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        involved.get("fieldPath", ""),
        ", ".join(filter(None, (source.get("component"), source.get("host")))),
        str(event.get("message", "")).strip(),
        _age(first, now),
        series.get("count") or event.get("count") or 1,
        event["metadata"]["name"],
    ]
