"""OpenAPI from the models: schemas without references, and the document that old kubectls read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.widgets import WIDGET, WidgetSpec

from desired_state.scheme import Scheme
from reconcilers.registry import RECONCILERS
from swarmkeeper.apiserver import swagger
from swarmkeeper.apiserver.catalogue import Catalogue
from swarmkeeper.apiserver.openapi import OpenApi
from swarmkeeper.apiserver.schemas import definition_schema, flattened, structural

KINDS = [WIDGET, *(each.kind for each in RECONCILERS.values())]


def test_references_are_replaced_by_what_they_name() -> None:
    schema = WidgetSpec.model_json_schema(by_alias=True)
    assert "$ref" in str(schema)

    flat = flattened(schema)

    assert "$" not in str({key: value for key, value in flat.items() if key != "properties"})
    assert "$ref" not in str(flat)
    limits = flat["properties"]["limits"]
    assert limits["description"] == "Budget of corrective actions."  # the nearer one
    assert "maxActions" in limits["properties"]


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "T"},
            {"type": "string", "nullable": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"x-kubernetes-int-or-string": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "object"}]},
            {"x-kubernetes-preserve-unknown-fields": True},
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0},
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        ),
        ({"const": "a", "type": "string"}, {"enum": ["a"], "type": "string"}),
        (
            {"type": "object", "properties": {}, "additionalProperties": False},
            {"type": "object", "properties": {}},
        ),
        (
            {"type": "object", "additionalProperties": True},
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        ),
        (
            {"type": "array", "items": {"title": "T", "type": "string"}},
            {"type": "array", "items": {"type": "string"}},
        ),
    ],
    ids=str,
)
def test_a_structural_schema_says_the_same(schema: Any, wanted: Any) -> None:
    assert structural(schema) == wanted


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_definitions_of_all_kinds_are_structural(kind: Any) -> None:
    type_ = Catalogue(Scheme([kind])).of_kind(kind.name)
    assert type_ is not None

    def check(node: Any, path: str) -> None:
        forbidden = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "title", "prefixItems"}
        assert not forbidden & node.keys(), path
        assert node.get("type") != "null", path
        assert not {"properties", "additionalProperties"} <= node.keys(), path
        for name, each in node.get("properties", {}).items():
            check(each, f"{path}.{name}")
        for below in ("items", "additionalProperties"):
            if below in node:
                check(node[below], f"{path}.{below}")

    check(definition_schema(type_), kind.name)


def test_version_2_says_nothing_of_fields_where_unknown_ones_are_kept() -> None:
    open_ = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

    assert swagger.downgraded({**open_, "properties": {"a": {"type": "string"}}}) == open_


def test_version_2_describes_kinds_and_operations() -> None:
    document = json.loads(OpenApi(Catalogue(Scheme([WIDGET])), "1.2.3").v2)

    assert document["info"] == {"title": "Swarmkeeper", "version": "1.2.3"}
    widget = document["definitions"]["dev.swarmkeeper.v1alpha1.Widget"]
    assert widget["properties"]["spec"]["properties"]["size"]["description"] == "How big it is."
    address = "/apis/swarmkeeper.dev/v1alpha1/namespaces/{namespace}/widgets/{name}"
    parameters = document["paths"][address]["patch"]["parameters"]
    assert {"name": "dryRun", "in": "query", "type": "string"} in parameters


def test_protobuf_of_version_2() -> None:
    info = {"title": "T", "version": "1"}
    schema = {"type": "string", "description": "d" * 200}
    document = {"swagger": "2.0", "info": info, "paths": {}, "definitions": {"A": schema}}

    body = b"\x22\xc8\x01" + b"d" * 200 + b"\xb2\x01\x08\x0a\x06string"
    named = b"\x0a\x01A\x12\xd6\x01" + body
    definitions = b"\x4a\xdf\x01\x0a\xdc\x01" + named
    assert swagger.protobuf(document) == (
        b"\x0a\x032.0" + b"\x12\x06\x0a\x01T\x12\x011" + b"\x42\x00" + definitions
    )
