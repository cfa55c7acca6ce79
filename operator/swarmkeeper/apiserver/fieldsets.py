"""Which fields a document names, as sets of paths, and in the form of `managedFields`.

Labels, annotations, finalizers, and every map below `spec` are owned field by field; a list is owned as a
whole, as in custom resources without merge keys. Status is never owned. Source of the form:
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject

Path = tuple[str, ...]
Fields = frozenset[Path]

FINALIZERS: Final = "finalizers"
_METADATA: Final = ("labels", "annotations", FINALIZERS, "ownerReferences")
_NOT_OWNED: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_FIELD: Final = "f:"
_VALUE: Final = "v:"
_DEPTH: Final = 100


def owned_part(obj: JsonObject) -> JsonObject:
    """The part of an object that managers own, with finalizers as the keys of a map."""
    part = {key: value for key, value in obj.items() if key not in _NOT_OWNED}
    given = obj.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    kept = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    if isinstance(kept.get(FINALIZERS), list):
        kept[FINALIZERS] = {str(name): True for name in kept[FINALIZERS]}
    return part | ({"metadata": kept} if kept else {})


def with_owned_part(obj: JsonObject, part: JsonObject) -> JsonObject:
    """The object with another owned part; everything else stays."""
    rest = {key: value for key, value in obj.items() if key in _NOT_OWNED}
    kept = dict(part.get("metadata", {}))
    if isinstance(kept.get(FINALIZERS), dict):
        kept[FINALIZERS] = list(kept[FINALIZERS])
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _METADATA}
    below = {key: value for key, value in part.items() if key != "metadata"}
    return {**rest, **below, "metadata": metadata | kept}


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that has a value of its own: no map, or an empty one."""
    if isinstance(node, dict) and node and len(path) < _DEPTH:
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    elif path:
        yield path, node


def fields_of(obj: JsonObject) -> Fields:
    """The fields that a document names."""
    return frozenset(path for path, _ in leaves(owned_part(obj)))


def overlap(one: Path, other: Path) -> bool:
    """Whether two fields are the same, or one lies within the other."""
    return one[: len(other)] == other[: len(one)]


def encode(fields: Iterable[Path]) -> JsonObject:
    """The fields as `fieldsV1`."""
    tree: JsonObject = {}
    for path in sorted(fields):
        node = tree
        for depth, name in enumerate(path):
            node = node.setdefault(_encode_step(path[:depth], name), {})
    return tree


def decode(tree: Any) -> Fields:
    """The fields of a `fieldsV1`."""
    return frozenset(tuple(map(_decode_step, path)) for path, _ in leaves(tree))


def shown(path: Path) -> str:
    """A field as in messages: `.spec.size`."""
    if path[:2] == ("metadata", FINALIZERS) and len(path) == 3:
        return f".metadata.finalizers[={orjson.dumps(path[2]).decode()}]"
    return "".join(f".{name}" for name in path)


def _encode_step(parent: Path, name: str) -> str:
    if parent == ("metadata", FINALIZERS):
        return _VALUE + orjson.dumps(name).decode()
    return _FIELD + name


def _decode_step(step: str) -> str:
    if step.startswith(_VALUE):
        return str(orjson.loads(step.removeprefix(_VALUE)))
    return step.removeprefix(_FIELD)
