"""Whatever bytes a tree holds, loading tells problems and never raises; what is well-formed comes back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trees import load, service

from desired_state.objects import API_VERSION, ObjectRef

names = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
specs = st.fixed_dictionaries(
    {"image": texts},
    optional={
        "replicas": st.integers(0, 2**31),
        "env": st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), texts, max_size=3),
        "interval": st.sampled_from(["30s", "1h30m", "500ms", "0"]),
        "order": st.sampled_from(["start-first", "stop-first"]),
        "suspend": st.booleans(),
        "health": st.fixed_dictionaries({"url": texts}),
    },
)
objects = st.dictionaries(st.tuples(names, names), specs, max_size=5)


@given(objects, st.booleans(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_any_well_formed_set_of_objects_comes_back(
    declared: dict[tuple[str, str], dict[str, Any]], flow: bool, files: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            documents = [
                {
                    "apiVersion": API_VERSION,
                    "kind": "SwarmService",
                    "metadata": {"namespace": namespace, "name": name},
                    "spec": spec,
                }
                for position, ((namespace, name), spec) in enumerate(declared.items())
                if position % files == number
            ]
            text = yaml.safe_dump_all(documents, default_flow_style=flow, allow_unicode=True)
            (Path(folder) / f"{number}.yaml").write_text(text, "utf-8")

        snapshot = load(Path(folder))

    assert snapshot.problems == ()
    assert {ref: obj.spec for ref, obj in snapshot.objects.items()} == {
        ObjectRef("SwarmService", name, namespace): spec
        for (namespace, name), spec in declared.items()
    }


@given(st.one_of(st.binary(max_size=200), texts.map(str.encode)), st.integers(0, 90))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_loader_raise(noise: bytes, position: int) -> None:
    good = (service("a") + service("b", "image: x, env: {A: b}")).encode()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "a.yaml"
        place.write_bytes(good)
        before = load(Path(folder))
        place.write_bytes(good[:position] + noise + good[position:])

        after = load(Path(folder), before)
        load(Path(folder))

    assert all(problem.path == "a.yaml" for problem in after.problems)


yaml_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(yaml_like, st.sampled_from(["spec", "metadata", "kind", "apiVersion", "all"]))
@settings(max_examples=200, deadline=None)
def test_no_value_anywhere_makes_the_loader_raise(value: Any, place: str) -> None:
    whole: Any = {
        "apiVersion": API_VERSION,
        "kind": "SwarmService",
        "metadata": {"name": "a"},
        "spec": {"image": "x"},
    }
    whole = value if place == "all" else {**whole, place: value}
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_dump_all([whole], allow_unicode=True)
        (Path(folder) / "a.yaml").write_text(text + service("b"), "utf-8")

        snapshot = load(Path(folder))

    assert ObjectRef("SwarmService", "b") in snapshot.objects or snapshot.problems
