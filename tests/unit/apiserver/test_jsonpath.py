"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from desired_state.scheme import READY_COLUMNS
from swarmkeeper.apiserver import jsonpath

OBJ = {
    "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}},
    "spec": {"size": 0, "on": False, "list": [1, 2, {"k": "v"}]},
    "status": {
        "conditions": [
            {"type": "Healthy", "status": "False"},
            {"type": "Ready", "status": "True", "message": "all is well"},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".metadata.name", "a"),
        ("{.metadata.name}", "a"),
        ("$.metadata.name", "a"),
        (".spec.size", 0),
        (".spec.on", False),
        (".spec.list[0]", 1),
        (".spec.list[-1].k", "v"),
        (".spec.list[9]", None),
        (".spec['size']", 0),
        (r".metadata.labels.app\.kubernetes\.io/name", "x"),
        (".metadata.labels['app.kubernetes.io/name']", "x"),
        ('.status.conditions[?(@.type=="Ready")].status', "True"),
        (".status.conditions[?(@.type=='Ready')].message", "all is well"),
        ('.status.conditions[?(@.type != "Ready")].type', "Healthy"),
        ('.status.conditions[?(@.type=="Stalled")].status', None),
        (".status.conditions[*].type", "Healthy"),
        (".spec.list[*].k", "v"),
        (".absent.deeper", None),
        (".metadata.name.deeper", None),
        ("", OBJ),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    assert jsonpath.first(path, OBJ) == expected


def test_all_values_are_found() -> None:
    assert list(jsonpath.find(".status.conditions[*].type", OBJ)) == ["Healthy", "Ready"]


@pytest.mark.parametrize("path", [".a[", "a", ".a[?(@.b)]", ".a..b", ".a[x]"])
def test_paths_that_cannot_be_read_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        jsonpath.parse(path)


def test_the_columns_of_all_kinds_can_be_read() -> None:
    for column in READY_COLUMNS:
        jsonpath.parse(column.path)
