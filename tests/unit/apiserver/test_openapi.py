"""Schemas without references, and the document that old kubectls read."""

from __future__ import annotations

from support.widgets import WIDGET, WidgetSpec

from desired_state.scheme import Scheme
from swarmkeeper.apiserver.addresses import Address, parse
from swarmkeeper.apiserver.catalogue import Catalogue
from swarmkeeper.apiserver.openapi import OpenApi, flattened


def test_references_are_replaced_by_what_they_name() -> None:
    schema = WidgetSpec.model_json_schema(by_alias=True)
    assert "$ref" in str(schema)

    flat = flattened(schema)

    assert "$" not in str({key: value for key, value in flat.items() if key != "properties"})
    assert "$ref" not in str(flat)
    limits = flat["properties"]["limits"]
    assert limits["description"] == "Budget of corrective actions."  # the nearer one
    assert "maxActions" in limits["properties"]


def test_the_old_document_is_protobuf() -> None:
    document = OpenApi(Catalogue(Scheme([WIDGET])), "1.2.3").v2_protobuf

    assert document == b"\x0a\x032.0\x12\x14\x0a\x0bSwarmkeeper\x12\x051.2.3"


def test_addresses() -> None:
    group = "swarmkeeper.dev"
    cases = {
        "/api/v1/namespaces": Address("", "v1", "namespaces"),
        "/api/v1/namespaces/a": Address("", "v1", "namespaces", name="a"),
        "/api/v1/namespaces/a/status": Address("", "v1", "namespaces", None, "a", "status"),
        "/api/v1/namespaces/a/events": Address("", "v1", "events", "a"),
        "/api/v1/events/": Address("", "v1", "events"),
        f"/apis/{group}/v1/widgets": Address(group, "v1", "widgets"),
        f"/apis/{group}/v1/namespaces/a/widgets/b/status": Address(
            group, "v1", "widgets", "a", "b", "status"
        ),
        "/apis": None,
        "/api/v1": None,
        f"/apis/{group}/v1": None,
        f"/apis/{group}/v1/namespaces/a/widgets/b/status/x": None,
        "/api/v1//x": None,
        "/elsewhere/v1/x": None,
    }
    assert {path: parse(path) for path in cases} == cases
