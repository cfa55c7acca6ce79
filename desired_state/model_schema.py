"""How declared models differ from pydantic's ways: no guessed types, defaults as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_STRICT: Final = frozenset({"int", "float", "bool"})
_NAMED: Final = frozenset({"fields", "choices"})
_NO_SCHEMAS: Final = frozenset({"default", "metadata", "serialization", "expected", "cls"})


def strict_scalars(schema: Any) -> Any:
    """The core schema with text refused for numbers and booleans: `"3"` is no 3, as in Kubernetes."""
    if isinstance(schema, list | tuple):
        return type(schema)(strict_scalars(part) for part in schema)
    if not isinstance(schema, dict) or not isinstance(schema.get("type"), str):
        return schema
    named = schema.keys() & _NAMED
    copy = {
        key: part if key in _NO_SCHEMAS else strict_scalars(part)
        for key, part in schema.items()
        if key not in named
    }
    for key in named:
        copy[key] = _each_strict(schema[key])
    return {**copy, "strict": True} if schema["type"] in _STRICT else copy


def _each_strict(schemas: Any) -> Any:
    """The same for schemas under names that people chose, such as a field called `default`."""
    if not isinstance(schemas, dict):
        return strict_scalars(schemas)
    return {name: strict_scalars(schema) for name, schema in schemas.items()}


class DeclaredJsonSchema(GenerateJsonSchema):
    """Writes defaults with the field's own serializer: `30s`, not `PT30S`."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a field that has a default, by which pydantic calls it."""
        written = super().default_schema(schema)
        if "default" in written:
            written["default"] = _as_declared(schema["default"], schema["schema"])
        return written


def _as_declared(value: Any, schema: Mapping[str, Any]) -> Any:
    while schema["type"] == "nullable":
        schema = schema["schema"]
    write = schema.get("serialization", {}).get("function")
    if value is not None and write is not None:
        return write(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, tuple | list | set | frozenset):
        return [_as_declared(item, {"type": "any"}) for item in value]
    if isinstance(value, dict):
        return {key: _as_declared(item, {"type": "any"}) for key, item in value.items()}
    return value
