"""Who gets in, and what a client finds out about the API before it asks for objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiohttp import web
from support.api import Api, running_api

pytestmark = pytest.mark.integration

GROUP = "/apis/swarmkeeper.dev/v1alpha1"
WIDGETS = f"{GROUP}/namespaces/default/widgets"


async def hook(request: web.Request) -> web.Response:
    return web.Response(text=await request.text())


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with running_api(extra_routes=[web.post("/hooks/git", hook)]) as api:
        yield api


# --- access ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api", "/apis", "/version", WIDGETS, "/openapi/v3", "/nothing"])
@pytest.mark.parametrize("token", ["", "wrong", "wröng"], ids=["none", "wrong", "not-ascii"])
def test_without_a_token_nothing_is_told(api: Api, path: str, token: str) -> None:
    answer = api.ask("GET", path, token=token.encode().decode("latin-1"))

    assert (answer.code, answer.json["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_needs_no_token(api: Api, path: str) -> None:
    assert api.ask("GET", path, token="").body == b"ok"


def test_extra_routes_check_access_themselves(api: Api) -> None:
    assert api.ask("POST", "/hooks/git", b"pushed", token="").body == b"pushed"
    assert api.ask("GET", "/hooks/git", token="").code == 401


# --- discovery -------------------------------------------------------------------------------------


def test_groups_and_resources_are_discovered(api: Api) -> None:
    groups = {group["name"] for group in api.ask("GET", "/apis").json["groups"]}
    resources = {r["name"]: r for r in api.ask("GET", GROUP).json["resources"]}
    core = {r["name"] for r in api.ask("GET", "/api/v1").json["resources"]}

    assert {"swarmkeeper.dev", "events.k8s.io", "authorization.k8s.io"} <= groups
    assert resources["widgets"]["shortNames"] == ["wd"]
    assert resources["widgets/status"]["verbs"] == ["get", "patch", "update"]
    assert core == {"namespaces", "events"}
    assert api.ask("GET", "/api").json["versions"] == ["v1"]
    assert api.ask("GET", "/apis/swarmkeeper.dev").json["preferredVersion"]["version"] == "v1alpha1"
    assert api.ask("GET", "/apis/nothing.dev/v1").code == 404


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_discovery_is_aggregated_for_those_who_ask(api: Api, version: str) -> None:
    accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    answer = api.ask("GET", "/apis", accept=f"{accept},application/json")

    assert answer.headers["Content-Type"] == accept
    groups = {item["metadata"]["name"]: item for item in answer.json["items"]}
    resource, records = groups["swarmkeeper.dev"]["versions"][0]["resources"]
    assert (records["resource"], records["verbs"]) == ("auditrecords", ["get", "list", "watch"])
    assert resource["subresources"][0]["subresource"] == "status"


def test_openapi_tells_that_patches_can_be_tried(api: Api) -> None:
    path = "apis/swarmkeeper.dev/v1alpha1"
    address = api.ask("GET", "/openapi/v3").json["paths"][path]["serverRelativeURL"]
    document = api.ask("GET", address).json

    patch = document["paths"][f"/{path}/namespaces/{{namespace}}/widgets/{{name}}"]["patch"]
    spec = document["components"]["schemas"]["dev.swarmkeeper.v1alpha1.Widget"]["properties"][
        "spec"
    ]
    assert {"dryRun", "fieldValidation"} <= {p["name"] for p in patch["parameters"]}
    assert spec["properties"]["size"]["description"] == "How big it is."
    assert "$ref" not in str(spec)
    assert api.ask("GET", "/openapi/v3/apis/nothing/v1").code == 404
