"""JSON Schema to the structural form of Kubernetes' CRDs (OpenAPI 3.0 without references)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Schema = Mapping[str, Any]

_OPEN: Final = {"x-kubernetes-preserve-unknown-fields": True}
_INT_OR_STRING: Final = {"x-kubernetes-int-or-string": True}
_KEPT: Final = (
    "description",
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
_MERGED: Final = ("anyOf", "oneOf", "allOf")


def flattened(schema: Schema) -> dict[str, Any]:
    """The structural form of a whole JSON Schema with its `$defs`."""
    return _Flattener(schema.get("$defs", {})).flat(schema, ())


class _Flattener:
    """Resolves references into the definitions of one schema."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def flat(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        """The structural form of a part.

        Args:
            schema: the part.
            within: the definitions that it stands in: one inside itself is left open.
        """
        if "$ref" in schema:
            return self._referred(schema, within)
        group = next((schema[name] for name in _MERGED if name in schema), None)
        base = self._union(group, within) if group is not None else self._plain(schema, within)
        own = {key: schema[key] for key in ("description",) if key in schema}
        if schema.get("default") is not None:
            own["default"] = schema["default"]
        return {**base, **own}

    def _referred(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        name = str(schema["$ref"]).rpartition("/")[2]
        rest = {key: part for key, part in schema.items() if key != "$ref"}
        if name in within:
            return {**_OPEN, **self.flat(rest, within)}
        return {**self.flat(self._definitions[name], (*within, name)), **self.flat(rest, within)}

    def _plain(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        flat = {key: schema[key] for key in _KEPT if key in schema}
        if "const" in schema:
            flat["enum"] = [schema["const"]]
        for bound, name in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if name in schema:
                flat.update({bound: schema[name], name: True})
        if "properties" in schema:
            flat["properties"] = {
                name: self.flat(inner, within) for name, inner in schema["properties"].items()
            }
        elif schema.get("type") == "object":
            flat.update(self._map(schema.get("additionalProperties"), within))
        if schema.get("type") == "array":
            flat["items"] = self._items(schema, within)
        if not {"type", "enum"} & flat.keys() and not schema.keys() <= {"description", "default"}:
            flat.update(_OPEN)
        return flat

    def _map(self, values: Any, within: tuple[str, ...]) -> dict[str, Any]:
        inner = self.flat(values, within) if isinstance(values, Mapping) and values else None
        return {"additionalProperties": inner} if inner else dict(_OPEN)

    def _items(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        kinds: Sequence[Schema] = schema.get("prefixItems") or [schema.get("items") or {}]
        return self._union(kinds, within) if len(kinds) > 1 else self._item(kinds[0], within)

    def _item(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        return self.flat(schema, within) if schema else dict(_OPEN)

    def _union(self, variants: Sequence[Schema], within: tuple[str, ...]) -> dict[str, Any]:
        """One schema that accepts all that any variant accepts."""
        real = [each for each in variants if each.get("type") != "null"]
        flat = [self.flat(each, within) for each in real]
        unique = [each for position, each in enumerate(flat) if each not in flat[:position]]
        types = {each.get("type") for each in unique}
        if len(unique) == 1:
            merged = unique[0]
        elif types <= {"string", "integer"}:
            merged = dict(_INT_OR_STRING)
        elif types == {"object"}:
            merged = _merged_objects(unique)
        else:
            merged = dict(_OPEN)
        return {**merged, "nullable": True} if len(real) < len(variants) else merged


def _merged_objects(objects: Sequence[Schema]) -> dict[str, Any]:
    """All properties of all variants; those that differ among them are left open."""
    properties: dict[str, Any] = {}
    for each in objects:
        for name, schema in each.get("properties", {}).items():
            known = properties.setdefault(name, schema)
            properties[name] = schema if known == schema else dict(_OPEN)
    required = set.intersection(*(set(each.get("required", ())) for each in objects))
    merged: dict[str, Any] = {"type": "object", "properties": properties, **_OPEN}
    return {**merged, "required": sorted(required)} if required else merged
