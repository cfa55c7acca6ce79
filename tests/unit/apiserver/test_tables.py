"""What `kubectl get` shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from support.widgets import WIDGET

from desired_state.objects import JsonObject
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.catalogue import EVENT, Catalogue, ResourceType
from swarmkeeper.apiserver.tables import TableStyle, human_duration, table
from swarmkeeper.store.objects import Key, Stored

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
WIDGETS = next(t for t in Catalogue(Scheme([WIDGET])) if t.kind == "Widget")


def rows(type_: ResourceType, obj: JsonObject, include: str = "None") -> list[Any]:
    stored = Stored(Key(type_.kind, "default", "a"), "", 1, orjson.dumps(obj))
    found: list[Any] = table(type_, [stored], TableStyle(include, NOW), {})["rows"]
    return found


# As k8s.io/apimachinery/pkg/util/duration.HumanDuration has them.
@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "<invalid>"),
        (timedelta(seconds=-0.5), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=9, seconds=59), "9m59s"),
        (timedelta(minutes=10, seconds=1), "10m"),
        (timedelta(minutes=179), "179m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=7, minutes=59), "7h59m"),
        (timedelta(hours=47, minutes=59), "47h"),
        (timedelta(days=2, hours=1), "2d1h"),
        (timedelta(days=7, hours=23), "7d23h"),
        (timedelta(days=8, hours=1), "8d"),
        (timedelta(days=729), "729d"),
        (timedelta(days=731), "2y1d"),
        (timedelta(days=365 * 9), "9y"),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(age: timedelta, text: str) -> None:
    assert human_duration(age.total_seconds()) == text


def test_cells_follow_the_columns() -> None:
    obj = {
        "metadata": {"name": "a", "creationTimestamp": "2025-01-01T11:59:00Z"},
        "spec": {"size": 3, "env": {"A": "b"}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "message": "fine"}]},
    }

    (row,) = rows(WIDGETS, obj)

    assert row == {"cells": ["a", 3, "True", "fine", "60s", '{"A":"b"}']}


def test_what_is_not_there_is_left_empty() -> None:
    (row,) = rows(WIDGETS, {"metadata": {"name": "a"}, "spec": {}})

    assert row["cells"] == ["a", None, None, None, "<unknown>", None]


@pytest.mark.parametrize(
    ("include", "kind"), [("Object", "Widget"), ("Metadata", "PartialObjectMetadata")]
)
def test_rows_carry_what_was_asked_for(include: str, kind: str) -> None:
    obj = {"kind": "Widget", "metadata": {"name": "a"}, "spec": {}}

    assert rows(WIDGETS, obj, include)[0]["object"]["kind"] == kind


def test_events_have_their_own_columns() -> None:
    event = {
        "metadata": {"name": "a.1"},
        "involvedObject": {"kind": "Widget", "name": "a"},
        "type": "Warning",
        "reason": "Shrunk",
        "message": " from 2 to 1\n",
        "source": {"component": "swarmkeeper", "host": "one"},
        "firstTimestamp": "2025-01-01T11:00:00Z",
        "lastTimestamp": "2025-01-01T11:59:30+00:00",
        "count": 4,
    }

    assert rows(EVENT, event)[0]["cells"] == [
        "30s",
        "Warning",
        "Shrunk",
        "widget/a",
        "",
        "swarmkeeper, one",
        "from 2 to 1",
        "60m",
        4,
        "a.1",
    ]


def test_events_of_the_newer_kind_count_by_their_series() -> None:
    event = {
        "metadata": {"name": "a.1"},
        "involvedObject": {"kind": "Node"},
        "eventTime": "2025-01-01T10:00:00.000000Z",
        "series": {"count": 7, "lastObservedTime": "2025-01-01T11:59:59.500000Z"},
    }

    cells = rows(EVENT, event)[0]["cells"]

    assert (cells[0], cells[3], cells[7], cells[8]) == ("0s", "node", "120m", 7)
