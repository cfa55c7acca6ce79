"""Schemas of the resources, made from the models of their specs: for OpenAPI and for definitions.

They are structural, as Kubernetes has it (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
no `$ref` in a spec, no `null` type but `nullable`, no `additionalProperties` beside `properties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import common_schemas
from swarmkeeper.apiserver.audit_records import AuditRecord
from swarmkeeper.apiserver.catalogue import (
    AUDIT_RECORD,
    CLUSTER_PEERING,
    EVENT,
    EVENT_V1,
    NAMESPACE,
    PEERING,
    ResourceType,
)
from swarmkeeper.apiserver.common_schemas import OBJECT_META, PRESERVE, STATUS, text

_DROPPED: Final = ("$defs", "title", "discriminator", "examples")
_BOUNDS: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_BUILT_IN: Final = {
    NAMESPACE: common_schemas.NAMESPACE,
    EVENT: common_schemas.EVENT,
    EVENT_V1: common_schemas.EVENT_V1,
    CLUSTER_PEERING: common_schemas.PEERING,
    PEERING: common_schemas.PEERING,
}


def resource_schema(type_: ResourceType, references: str) -> JsonObject:
    """The schema of a whole object.

    Args:
        type_: its resource.
        references: where definitions are in the document, e.g. `#/components/schemas/`.
    """
    metadata = {
        "description": common_schemas.METADATA["description"],
        "allOf": [{"$ref": f"{references}{OBJECT_META}"}],
    }
    return _object(type_, metadata)


def definition_schema(type_: ResourceType) -> JsonObject:
    """The schema of a whole object for its CustomResourceDefinition: metadata is not spelled out."""
    if type_ in (CLUSTER_PEERING, PEERING):
        status = {"type": "object", PRESERVE: True}
        return {"type": "object", "properties": {"status": status}}
    return _object(type_, {"type": "object"})


def _object(type_: ResourceType, metadata: JsonObject) -> JsonObject:
    own: Mapping[str, JsonObject] | None = _BUILT_IN.get(type_)
    if type_ is AUDIT_RECORD:
        own = structural(AuditRecord.model_json_schema(by_alias=True))["properties"]
    if type_.spec is not None:
        spec = structural(type_.spec.model_json_schema(by_alias=True))
        own = {"spec": spec, "status": STATUS}
    properties = {
        "apiVersion": text("Group and version of the kind."),
        "kind": text("What the object is."),
        "metadata": metadata,
        **(own or {}),
    }
    schema = {"type": "object", "description": type_.description, "properties": properties}
    return schema if own is not None else {**schema, PRESERVE: True}


def flattened(schema: Mapping[str, Any]) -> JsonObject:
    """A JSON Schema with each `$ref` replaced by what it names: structural schemas have none.

    Args:
        schema: as pydantic makes it, with `$defs`.

    Raises:
        RecursionError: a definition contains itself.
    """
    definitions = schema.get("$defs", {})

    def expand(node: Any) -> Any:
        if isinstance(node, list):
            return [expand(item) for item in node]
        if not isinstance(node, Mapping):
            return node
        rest = {key: expand(value) for key, value in node.items() if key not in ("$ref", "$defs")}
        if isinstance(node.get("$ref"), str):
            return {**expand(definitions[node["$ref"].rpartition("/")[2]]), **rest}
        return rest

    expanded: JsonObject = expand(schema)
    return expanded


def structural(schema: Mapping[str, Any]) -> JsonObject:
    """A structural schema that says the same, or less where structural schemas can't say it.

    Args:
        schema: as pydantic makes it.
    """
    return _structural(flattened(schema))


def _structural(schema: Mapping[str, Any]) -> JsonObject:
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    for bound, plain in _BOUNDS.items():
        if bound in node:
            node |= {plain: node[bound], bound: True}
    if node.get("default", ...) is None:
        del node["default"]
    for way in ("anyOf", "oneOf", "allOf"):
        if way in node:
            node = _united(node, way)
    return _below(node)


def _united(node: JsonObject, way: str) -> JsonObject:
    """One of several: the only one that is not null, or anything at all."""
    choices = node.pop(way)
    others = [choice for choice in choices if choice.get("type") != "null"]
    nullable = {"nullable": True} if len(others) < len(choices) else {}
    if len(others) == 1:
        return {**_structural(others[0]), **node, **nullable}
    if {choice.get("type") for choice in others} == {"string", "integer"}:
        return {**node, **nullable, "x-kubernetes-int-or-string": True}
    return {**node, **nullable, PRESERVE: True}


def _below(node: JsonObject) -> JsonObject:
    properties = node.get("properties")
    if properties is not None:
        node["properties"] = {name: _structural(value) for name, value in properties.items()}
        node.pop("additionalProperties", None)
    extra = node.get("additionalProperties")
    if isinstance(extra, Mapping):
        node["additionalProperties"] = _structural(extra)
    elif extra is not None:
        del node["additionalProperties"]
        node[PRESERVE] = True
    if isinstance(node.get("items"), Mapping):
        node["items"] = _structural(node["items"])
    return node
