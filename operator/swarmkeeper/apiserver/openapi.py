"""OpenAPI, made from the models of the specs: version 3, and version 2 for older clients.

`kubectl explain` reads descriptions from it, and kubectl asks it whether PATCH knows `dryRun` and
`fieldValidation` before it sends an object (up to 1.26 in version 2, as protobuf).
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import scales, swagger
from swarmkeeper.apiserver.catalogue import Catalogue, ResourceType
from swarmkeeper.apiserver.common_schemas import METADATA, OBJECT_META, PRESERVE
from swarmkeeper.apiserver.schemas import resource_schema

V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_PROTOBUF_ANSWER: Final = V2_PROTOBUF.replace("@", ".")  # as `@` is not allowed in a media type
_COMPONENTS: Final = "#/components/schemas/"
_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")
_PATCHES: Final = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
)
_KIND: Final = "x-kubernetes-group-version-kind"
_OPEN: Final = {"type": "object", PRESERVE: True}
_TEXT: Final = {"type": "string"}


class OpenApi:
    """The documents, computed when they are first asked for: resources do not change.

    Args:
        catalogue: what is served.
        version: version of the program.
    """

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        self._info = {"title": "Swarmkeeper", "version": version}
        self._catalogue = catalogue

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

    @cached_property
    def v2(self) -> bytes:
        """The one document of version 2, as JSON."""
        return orjson.dumps(self._v2)

    @cached_property
    def v2_protobuf(self) -> bytes:
        """The one document of version 2, as kubectl up to 1.28 asks for it."""
        return swagger.protobuf(self._v2)

    @cached_property
    def _documents(self) -> dict[str, bytes]:
        groups = self._catalogue.group_versions().items()
        return {
            _path(group, version): orjson.dumps(
                self._document(self._catalogue.in_group(group, version))
            )
            for group, version in groups
        }

    def _document(self, types: tuple[ResourceType, ...]) -> JsonObject:
        schemas = {_schema_name(t): _schema(t, _COMPONENTS) for t in types}
        return {
            "openapi": "3.0.0",
            "info": self._info,
            "paths": _paths(types),
            "components": {"schemas": {OBJECT_META: METADATA, **schemas}},
        }

    @cached_property
    def _v2(self) -> JsonObject:
        types = tuple(self._catalogue)
        schemas = {_schema_name(t): _schema(t, swagger.DEFINITIONS) for t in types}
        definitions = {OBJECT_META: METADATA, **schemas}
        return {
            "swagger": "2.0",
            "info": self._info,
            "paths": {path: _old_operations(item) for path, item in _paths(types).items()},
            "definitions": {name: swagger.downgraded(each) for name, each in definitions.items()},
        }


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
    if "patch" in type_.verbs:
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


def _schema(type_: ResourceType, references: str) -> JsonObject:
    return {**resource_schema(type_, references), _KIND: [_gvk(type_)]}


def _old_operations(item: JsonObject) -> JsonObject:
    """The operations of an address as version 2 words them."""
    operations = {}
    for method, operation in item.items():
        old = {key: value for key, value in operation.items() if key != "requestBody"}
        if "parameters" in old:
            named = [each["name"] for each in old["parameters"]]
            old["parameters"] = [{"name": n, "in": "query", "type": "string"} for n in named]
            old["consumes"] = list(_PATCHES)
        operations[method] = old
    return operations
