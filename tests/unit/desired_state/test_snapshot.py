"""Snapshots: immutable, comparable, and careful about what may be pruned."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from support.trees import load, ref, service, write

from desired_state.objects import ObjectRef
from desired_state.problems import Problem
from desired_state.snapshot import Difference, Snapshot


def test_a_difference_names_what_came_changed_and_went(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("same") + service("changed") + service("gone")})
    earlier = load(tmp_path, revision="main@sha1:1")
    write(
        tmp_path,
        {
            "a.yaml": "# moved\n"
            + service("new")
            + service("changed", "image: x:2")
            + service("same")
        },
    )

    later = load(tmp_path, revision="main@sha1:2")

    assert later.diff(earlier) == Difference((ref("new"),), (ref("changed"),), (ref("gone"),))
    assert bool(later.diff(earlier))
    assert not later.diff(later)
    assert later.diff(Snapshot()).added == tuple(sorted(later.objects))


def test_changed_labels_are_a_change(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("a")})
    earlier = load(tmp_path)
    write(tmp_path, {"a.yaml": service("a").replace("{name: a}", "{name: a, labels: {x: y}}")})

    assert load(tmp_path).diff(earlier).changed == (ref("a"),)


def test_a_snapshot_cannot_be_changed(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("a")})
    objects = cast("dict[ObjectRef, Any]", load(tmp_path).objects)

    with pytest.raises(TypeError):
        objects[ref("b")] = None


def test_problems_are_found_by_object(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("a", "image: 1") + service("b", "image: 2")})
    snapshot = load(tmp_path)

    assert [problem.line for problem in snapshot.problems_of(ref("b"))] == [10]


@pytest.mark.parametrize(
    ("snapshot", "complete", "may_prune"),
    [
        (Snapshot(), True, True),
        (Snapshot(unreadable=("a.yaml",)), False, False),
        (Snapshot(broken=frozenset({ref("other")})), False, True),
        (Snapshot(broken=frozenset({ref("a")})), False, False),
    ],
    ids=["empty", "unreadable", "another-broken", "itself-broken"],
)
def test_pruning_needs_certainty(snapshot: Snapshot, complete: bool, may_prune: bool) -> None:
    assert snapshot.complete is complete
    assert snapshot.may_prune(ref("a")) is may_prune


def test_a_problem_leaves_out_what_it_does_not_know() -> None:
    assert str(Problem("a.yaml", 0, None, "", "is bad")) == "a.yaml: is bad"
    assert str(Problem("a.yaml", 3, ref("x", namespace="blue"), "spec", "is bad")) == (
        "a.yaml:3: SwarmService/blue/x: spec: is bad"
    )
