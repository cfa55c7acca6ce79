"""The schemas for editors and CRDs accept what the loader accepts, and describe every field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from jsonschema import Draft4Validator, Draft7Validator
from pydantic import Field
from support.trees import SCHEME, load, service, write

from desired_state.declared import DeclaredModel
from desired_state.fields import Bytes, Duration, NanoCpus
from desired_state.git_repository import GIT_REPOSITORY
from desired_state.objects import CommonSpec
from desired_state.schema import editor_schema, structural_schema
from desired_state.scheme import Kind, Scheme


class Tree(DeclaredModel):
    """A tree."""

    children: tuple[Tree, ...] = ()
    """More trees."""


class Scale(DeclaredModel):
    """Scales."""

    type: Literal["scale"]
    """Which."""
    replicas: int
    """To how many."""


class Notify(DeclaredModel):
    """Notifies."""

    type: Literal["notify"]
    """Which."""
    to: str
    """Whom."""


class OddSpec(CommonSpec):
    """Whatever pydantic can say."""

    tree: Tree = Tree()
    """Contains itself."""
    action: Annotated[Scale | Notify, Field(discriminator="type")] | None = None
    """One of two."""
    level: int | str = 3
    """Number or text."""
    ratio: float = Field(default=0.5, gt=0, lt=1)
    """Between."""
    pair: tuple[int, str] = (1, "a")
    """Two things."""
    anything: Any = None
    """Anything."""
    open_map: dict[str, Any] = Field(default_factory=dict)
    """Any mapping."""
    memory: Bytes = 2**28
    """Memory."""
    cpus: NanoCpus = 5 * 10**8
    """CPUs."""
    waits: tuple[Duration, ...] = ()
    """Durations."""
    mixed: list[str] | bool = False
    """List or flag."""


ODD = Kind("Odd", "odds", OddSpec)


def walk(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas in a schema."""
    if isinstance(schema, dict):
        yield schema
        for key, part in schema.items():
            if key == "properties":
                for inner in part.values():
                    yield from walk(inner)
            elif key not in ("default", "enum"):
                yield from walk(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from walk(part)


@pytest.mark.parametrize(
    "text",
    [
        service("a"),
        service("a", "image: x, replicas: 3, interval: 1h30m, memory: 256Mi"),
        service("a", "image: x, health: {url: x, startPeriod: 5s}, env: {A: b}"),
        service("a", "image: x, dependsOn: [{kind: SwarmService, name: b}]") + service("b"),
        "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata: {name: a}",
    ],
)
def test_the_editor_accepts_what_the_loader_accepts(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"a.yaml": text})
    validator = Draft7Validator(editor_schema(SCHEME))

    assert not load(tmp_path).problems
    assert [e for doc in yaml.safe_load_all(text) if doc for e in validator.iter_errors(doc)] == []


@pytest.mark.parametrize(
    "text",
    [
        service("a", "image: x, replicas: -1"),
        service("a", 'image: x, replicas: "1"'),
        service("a", "image: x, interval: 30"),
        service("a", "image: x, interval: soon"),
        service("a", "image: x, retry_interval: 3s"),
        service("a", "image: x, env: {A: 1}"),
        service("a", "image: x, suspend: 'yes'"),
        service("a", "image: x, order: never"),
        service("a", "replicas: 1"),
        service("Aa"),
        service("a") + "status: {}\n",
        "apiVersion: swarmkeeper.dev/v1alpha1\nkind: SwarmService\nmetadata: {name: a}",
        "apiVersion: swarmkeeper.dev/v1alpha1\nkind: RunbookRun\nmetadata: {name: a}",
        "apiVersion: swarmkeeper.dev/v2\nkind: CronJob\nmetadata: {name: a}",
    ],
)
def test_the_editor_refuses_what_the_loader_refuses(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"a.yaml": text})
    validator = Draft7Validator(editor_schema(SCHEME))

    assert load(tmp_path).problems
    assert not all(validator.is_valid(doc) for doc in yaml.safe_load_all(text) if doc)


def test_the_editor_schema_is_valid_draft_7_with_a_description_for_each_field() -> None:
    schema = editor_schema(Scheme([*SCHEME, ODD]))

    Draft7Validator.check_schema(schema)
    bare = [
        f"{each.get('description')}: {name}"
        for each in walk(schema)
        for name, field in each.get("properties", {}).items()
        if "description" not in field and "$ref" not in field
    ]
    assert bare == []


def test_defaults_are_written_as_people_write_them() -> None:
    fields = OddSpec.model_json_schema()["properties"]

    assert {name: field.get("default") for name, field in fields.items()} == {
        "interval": "30s",
        "retryInterval": None,
        "timeout": "1m",
        "suspend": False,
        "mode": "Enforce",
        "dependsOn": [],
        "windows": [],
        "approval": "Auto",
        "healthyDelay": "10s",
        "limits": {"maxActions": 10, "per": "10m", "runbooks": {}},
        "upgradePolicy": "Auto",
        "escalation": [],
        "tree": {"children": []},
        "action": None,
        "level": 3,
        "ratio": 0.5,
        "pair": [1, "a"],
        "anything": None,
        "openMap": None,
        "memory": "256Mi",
        "cpus": "500m",
        "waits": [],
        "mixed": False,
    }


@pytest.mark.parametrize("kind", [*SCHEME, ODD, GIT_REPOSITORY], ids=lambda kind: kind.name)
def test_the_structural_schema_is_structural(kind: Kind) -> None:
    schema = structural_schema(kind)

    Draft4Validator.check_schema(schema)
    for each in walk(schema["properties"]["spec"]):
        assert not {"$ref", "anyOf", "oneOf", "allOf", "const", "title", "$defs"} & each.keys()
        assert not {"properties", "additionalProperties"} <= each.keys()
        assert each.get("type") != "array" or "items" in each
        assert "default" not in each or each["default"] is not None


def test_the_structural_schema_keeps_what_it_can_say() -> None:
    spec = structural_schema(ODD)["properties"]["spec"]["properties"]

    assert spec["interval"]["default"] == "30s"
    assert spec["level"] == {
        "x-kubernetes-int-or-string": True, "description": "Number or text.", "default": 3,
    }  # fmt: skip
    assert spec["ratio"]["minimum"] == 0
    assert spec["ratio"]["exclusiveMinimum"] is True
    assert spec["action"]["nullable"] is True
    assert set(spec["action"]["properties"]) == {"type", "replicas", "to"}
    assert spec["action"]["required"] == ["type"]
    assert spec["tree"]["properties"]["children"]["items"] == {
        "x-kubernetes-preserve-unknown-fields": True
    }
    assert spec["anything"]["x-kubernetes-preserve-unknown-fields"] is True
    assert spec["mixed"]["x-kubernetes-preserve-unknown-fields"] is True
    assert spec["memory"]["x-kubernetes-int-or-string"] is True
