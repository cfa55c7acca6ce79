"""Merge patch by RFC 7386, JSON patch by RFC 6902."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.apiserver import patches
from swarmkeeper.apiserver.patches import apply_operations, merge
from swarmkeeper.runtime.ports import ApiError

# The test cases of RFC 7386, appendix A.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(("target", "patch", "result"), RFC)
def test_merge_follows_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(target=JSON, patch=JSON)
def test_merging_twice_is_merging_once(target: Any, patch: Any) -> None:
    before = copy.deepcopy(target)
    once = merge(target, patch)

    assert merge(once, patch) == once
    assert target == before


def test_operations_leave_the_target_alone() -> None:
    target = {"a": {"b": [1]}}

    result = apply_operations(target, [{"op": "add", "path": "/a/b/-", "value": 2}])

    assert (target, result) == ({"a": {"b": [1]}}, {"a": {"b": [1, 2]}})


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({"op": "add"}, 400),
        (["add"], 400),
        ([{"op": "grow", "path": "/a"}], 400),
        ([{"op": "add", "path": "/a"}], 400),
        ([{"op": "add", "path": "a", "value": 1}], 422),
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/b"}], 422),
        ([{"op": "replace", "path": "/a/b/c", "value": 1}], 422),
        ([{"op": "replace", "path": "", "value": 1}], 400),
        ([{"op": "test", "path": "/a", "value": 1}] * 10_001, 413),
    ],
)
def test_operations_that_cannot_be_applied_are_refused(operations: Any, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        apply_operations({"a": 1}, operations)

    assert caught.value.code == code


def test_copies_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MAX_BYTES", 1000)
    double = {"op": "copy", "from": "/a", "path": "/a/-"}

    with pytest.raises(ApiError) as caught:
        apply_operations({"a": ["x"]}, [double] * 100)

    assert caught.value.code == 413
