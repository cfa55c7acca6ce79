"""OpenAPI v2, for kubectl up to 1.26 and older clients: as JSON, and as kubectl asks for it, as protobuf.

The protobuf is gnostic's `openapi.v2.Document`
(https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto). It carries what kubectl reads:
names, types and descriptions for `explain` and validation, parameters of PATCH for dry runs. The JSON
says more: bounds, patterns, defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.common_schemas import PRESERVE

DEFINITIONS: Final = "#/definitions/"
_EXTENSION: Final = "x-"


def downgraded(schema: Mapping[str, Any]) -> JsonObject:
    """A schema as version 2 can say it.

    Where unknown fields are kept, clients of version 2 would refuse them as unknown: there nothing is
    said of the fields, as Kubernetes does.

    Args:
        schema: structural.
    """
    node = {key: value for key, value in schema.items() if key not in ("nullable", "default")}
    if "allOf" in node:
        (only,) = node.pop("allOf")
        return {**node, **only}
    if "x-kubernetes-int-or-string" in node:
        return {"type": "string", "format": "int-or-string", **node}
    if PRESERVE in node:
        return {key: node[key] for key in node if key not in ("properties", "items", "required")}
    if "properties" in node:
        node["properties"] = {name: downgraded(each) for name, each in node["properties"].items()}
    for below in ("items", "additionalProperties"):
        if below in node:
            node[below] = downgraded(node[below])
    return node


def protobuf(document: JsonObject) -> bytes:
    """A document of version 2 as a gnostic `Document`."""
    info = document["info"]
    paths = (
        _message(2, _text(1, path), _message(2, _path_item(item)))
        for path, item in document["paths"].items()
    )
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, _text(1, info["title"]), _text(2, info["version"])),
            _message(8, *paths),
            _message(9, *_named_schemas(document["definitions"])),
        )
    )


def _named_schemas(schemas: Mapping[str, JsonObject]) -> Iterable[bytes]:
    for name, schema in schemas.items():
        yield _message(1, _text(1, name), _message(2, _schema(schema)))


def _schema(schema: JsonObject) -> bytes:
    parts = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        *(_text(19, name) for name in schema.get("required", ())),
    ]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, *_named_schemas(schema["properties"])))
    return b"".join((*parts, *_extensions(31, schema)))


def _path_item(item: JsonObject) -> bytes:
    numbers = {"get": 2, "patch": 8}
    return b"".join(_message(numbers[method], _operation(each)) for method, each in item.items())


def _operation(operation: JsonObject) -> bytes:
    parameters = (_parameter(each) for each in operation.get("parameters", ()))
    consumes = (_text(7, media) for media in operation.get("consumes", ()))
    return b"".join((*consumes, *parameters, *_extensions(13, operation)))


def _parameter(parameter: JsonObject) -> bytes:
    """A parameter of the query."""
    query = (_text(2, parameter["in"]), _text(4, parameter["name"]), _text(6, parameter["type"]))
    return _message(8, _message(1, _message(2, _message(3, *query))))


def _extensions(number: int, node: JsonObject) -> Iterable[bytes]:
    for key, value in node.items():
        if key.startswith(_EXTENSION):
            yaml = _text(2, orjson.dumps(value).decode())  # JSON is YAML
            yield _message(number, _text(1, key), _message(2, yaml))


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode()) if value else b""


def _message(number: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
