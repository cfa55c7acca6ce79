"""Which fields a model knows at a path: for suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel


def fields_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The names, as spelled in YAML, of the fields that may stand below a path."""
    schema = _schema(model)
    nodes: list[Mapping[str, Any]] = [schema]
    for part in path:
        nodes = [inner for node in nodes for inner in _step(node, part, schema)]
    names = (name for node in nodes for each in _variants(node, schema) for name in _names(each))
    return tuple(dict.fromkeys(names))


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    yield from node.get("properties", {})


def _variants(node: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The node itself, or what its `$ref`, `anyOf`, `oneOf` and `allOf` stand for."""
    if "$ref" in node:
        yield from _variants(root["$defs"][node["$ref"].rpartition("/")[2]], root)
        return
    for group in ("anyOf", "oneOf", "allOf"):
        for inner in node.get(group, ()):
            yield from _variants(inner, root)
    yield node


def _step(
    node: Mapping[str, Any], part: str | int, root: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    for variant in _variants(node, root):
        if isinstance(part, int):
            inner = variant.get("items")
        else:
            extra = variant.get("additionalProperties")
            inner = variant.get("properties", {}).get(part, extra)
        if isinstance(inner, Mapping):
            yield inner
