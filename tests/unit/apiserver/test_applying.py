"""Server-side apply: who owns which field, what a conflict is, and what goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.widgets import widget

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import applying, fieldsets, managers
from swarmkeeper.apiserver.applying import Applied
from swarmkeeper.runtime.ports import ApiError

START = datetime(2025, 1, 1, tzinfo=UTC)
LATER = START + timedelta(hours=1)


def config(**spec: Any) -> JsonObject:
    return {**widget(), "spec": spec}


def made(obj: JsonObject, manager: str = "one") -> JsonObject:
    return applying.first(obj, manager, START)


def apply(live: JsonObject, wanted: JsonObject, manager: str = "one", **more: Any) -> JsonObject:
    return applying.apply(live, Applied(manager, wanted, **more), LATER)


def owners(obj: JsonObject) -> dict[str, set[str]]:
    return {m.name: {fieldsets.shown(f) for f in m.fields} for m in managers.read(obj)}


def test_the_same_again_changes_nothing() -> None:
    live = made(config(size=1, env={"A": "x"}))

    assert apply(live, config(size=1, env={"A": "x"})) == live


def test_what_is_no_longer_named_goes() -> None:
    live = made(config(size=1, env={"A": "x", "B": "y"}))

    assert apply(live, config(size=1, env={"A": "x"}))["spec"] == {"size": 1, "env": {"A": "x"}}
    assert apply(live, config(size=1))["spec"] == {"size": 1}


def test_what_another_manager_owns_stays() -> None:
    live = apply(made(config(size=1, env={"A": "x"})), config(env={"B": "y"}), "two")
    shared = apply(live, config(size=1), "three")

    assert apply(shared, config(env={"A": "x"}))["spec"] == {"size": 1, "env": {"A": "x", "B": "y"}}
    assert owners(live) == {"one": {".spec.size", ".spec.env.A"}, "two": {".spec.env.B"}}


def test_another_value_is_a_conflict_with_a_cause_for_each_field() -> None:
    live = made(config(size=1, env={"A": "x"}))

    with pytest.raises(ApiError) as caught:
        apply(live, config(size=2, env={"A": "z"}), "two")

    assert (caught.value.code, caught.value.reason) == (409, "Conflict")
    assert caught.value.causes == (
        (".spec.env.A", 'conflict with "one"'),
        (".spec.size", 'conflict with "one"'),
    )


def test_force_takes_the_field_over() -> None:
    live = made(config(size=1, env={"A": "x"}))

    forced = apply(live, config(size=2), "two", force=True)

    assert forced["spec"] == {"size": 2, "env": {"A": "x"}}
    assert owners(forced) == {"one": {".spec.env.A"}, "two": {".spec.size"}}


@pytest.mark.parametrize("wanted", ["text", ["list"], {"A": {"deeper": "x"}}], ids=str)
def test_a_field_within_or_around_that_of_another_is_a_conflict(wanted: Any) -> None:
    live = made(config(env={"A": "x"}))

    with pytest.raises(ApiError):
        apply(live, config(env=wanted), "two")


def test_an_empty_map_asks_for_nothing_in_it() -> None:
    live = made(config(env={"A": "x"}))

    assert apply(live, config(env={}), "two")["spec"] == {"env": {"A": "x"}}


def test_what_was_there_before_has_an_owner_too() -> None:
    with pytest.raises(ApiError, match="before-first-apply"):
        apply(widget(size=1), widget(size=2))
    assert apply(widget(size=1), widget(size=1))["spec"] == {"size": 1}


def test_finalizers_are_owned_one_by_one() -> None:
    live = made(widget(finalizers=["test/one"]))
    live = managers.tracked(
        live,
        {**live, "metadata": {**live["metadata"], "finalizers": ["test/one", "test/two"]}},
        "two",
        LATER,
    )

    assert apply(live, widget())["metadata"]["finalizers"] == ["test/two"]
    assert owners(live)["two"] == {'.metadata.finalizers[="test/two"]'}


def test_other_writes_own_what_they_change_once_there_are_owners() -> None:
    live = made(config(size=1, env={"A": "x", "B": "y"}))
    changed = managers.tracked(live, {**live, "spec": {"size": 2, "env": {"A": "x"}}}, "two", LATER)
    untouched = managers.tracked(widget(), widget(size=2), "two", LATER)

    assert owners(changed) == {"one": {".spec.env.A"}, "two": {".spec.size"}}
    assert (
        managers.tracked(live, {**live, "status": {}}, "two", LATER)["metadata"]
        == (live["metadata"])
    )
    assert "managedFields" not in untouched["metadata"]


NAMES = st.text("ab.\"'/:{}", min_size=1, max_size=3)
TREES = st.recursive(st.integers() | st.none(), lambda below: st.dictionaries(NAMES, below))


@given(st.dictionaries(NAMES, TREES), st.lists(NAMES, unique=True))
def test_field_sets_survive_their_written_form(spec: Any, finalizers: list[str]) -> None:
    fields = fieldsets.fields_of({"metadata": {"finalizers": finalizers}, "spec": spec})

    assert fieldsets.decode(fieldsets.encode(fields)) == fields


@given(st.dictionaries(NAMES, TREES), st.dictionaries(NAMES, TREES))
def test_an_applied_object_holds_all_that_was_asked_for(old: Any, new: Any) -> None:
    live = made({**widget(), "spec": old})

    result = apply(live, {**widget(), "spec": new}, "two", force=True)

    asked = dict(fieldsets.leaves({"spec": new}))
    held = dict(fieldsets.leaves({"spec": result["spec"]}))
    assert all(held[path] == value for path, value in asked.items() if value != {})
