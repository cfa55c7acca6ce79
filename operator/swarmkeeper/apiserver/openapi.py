"""OpenAPI: as much as kubectl looks at before it sends an object.

kubectl asks version 3 whether PATCH knows `dryRun` and `fieldValidation`, and 1.28 and older also asks
version 2, as protobuf. Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import scales
from swarmkeeper.apiserver.catalogue import Catalogue, ResourceType

V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_PROTOBUF_ANSWER: Final = V2_PROTOBUF.replace("@", ".")  # as `@` is not allowed in a media type
_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")
_PATCHES: Final = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
)
_KIND: Final = "x-kubernetes-group-version-kind"
_OPEN: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT: Final = {"type": "string"}


class OpenApi:
    """The documents, computed once.

    Args:
        catalogue: what is served.
        version: version of the program.
    """

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        self._info = {"title": "Swarmkeeper", "version": version}
        self.v2 = orjson.dumps({"swagger": "2.0", "info": self._info, "paths": {}})
        self.v2_protobuf = _protobuf_v2(self._info)
        self._documents = {
            _path(group, version): orjson.dumps(self._document(catalogue.in_group(group, version)))
            for group, version in catalogue.group_versions().items()
        }

    def v3_index(self) -> JsonObject:
        """Where the document of each group is; the hash in the address lets clients cache it."""
        return {
            "paths": {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_digest(document)}"}
                for path, document in self._documents.items()
            }
        }

    def v3(self, path: str) -> bytes | None:
        """The document of one group, e.g. `apis/swarmkeeper.dev/v1alpha1`, or None."""
        return self._documents.get(path)

    def _document(self, types: tuple[ResourceType, ...]) -> JsonObject:
        return {
            "openapi": "3.0.0",
            "info": self._info,
            "paths": _paths(types),
            "components": {"schemas": {_schema_name(t): _schema(t) for t in types}},
        }


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


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()[:32].upper()


def _address(type_: ResourceType) -> str:
    namespace = "/namespaces/{namespace}" if type_.namespaced else ""
    return f"/{_path(type_.group, type_.version)}{namespace}/{type_.plural}/{{name}}"


def _paths(types: Iterable[ResourceType]) -> JsonObject:
    paths: JsonObject = {_address(type_): _operations(type_) for type_ in types}
    for type_ in types:
        if type_.scale is not None:
            scale = {"group": scales.GROUP, "version": scales.VERSION, "kind": scales.KIND}
            paths[f"{_address(type_)}/{scales.SCALE}"] = {
                method: {**operation, _KIND: scale}
                for method, operation in _operations(type_).items()
            }
    return paths


def _gvk(type_: ResourceType) -> JsonObject:
    return {"group": type_.group, "version": type_.version, "kind": type_.kind}


def _operations(type_: ResourceType) -> JsonObject:
    answer = {"200": {"description": "OK"}}
    operations: JsonObject = {
        "get": {"x-kubernetes-action": "get", _KIND: _gvk(type_), "responses": answer}
    }
    if type_.writable:
        operations["patch"] = {
            "x-kubernetes-action": "patch",
            _KIND: _gvk(type_),
            "parameters": [{"name": n, "in": "query", "schema": _TEXT} for n in _PARAMETERS],
            "requestBody": {"content": {media: {"schema": _OPEN} for media in _PATCHES}},
            "responses": answer,
        }
    return operations


def _schema_name(type_: ResourceType) -> str:
    group = ".".join(reversed(type_.group.split("."))) if type_.group else "core"
    return f"{group}.{type_.version}.{type_.kind}"


def _schema(type_: ResourceType) -> JsonObject:
    described = {"description": type_.description, _KIND: [_gvk(type_)]}
    if type_.spec is None:
        return {**_OPEN, **described}
    spec = flattened(type_.spec.model_json_schema(by_alias=True))
    return {
        "type": "object",
        **described,
        "properties": {
            "apiVersion": _TEXT,
            "kind": _TEXT,
            "metadata": _OPEN,
            "spec": spec,
            "status": _OPEN,
        },
    }


def _protobuf_v2(info: Mapping[str, str]) -> bytes:
    """A gnostic `openapi.v2.Document` that holds `swagger` (1) and `info` (2: title 1, version 2)."""
    inner = _text_field(1, info["title"]) + _text_field(2, info["version"])
    return _text_field(1, "2.0") + _bytes_field(2, inner)


def _text_field(number: int, text: str) -> bytes:
    return _bytes_field(number, text.encode())


def _bytes_field(number: int, value: bytes) -> bytes:
    """Wire type 2, for values below 128 bytes, whose length is one byte."""
    return bytes([number << 3 | 2, len(value)]) + value
