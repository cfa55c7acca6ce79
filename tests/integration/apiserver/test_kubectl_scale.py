"""`kubectl scale`, and the Scale that autoscalers read and write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.api import Api
from support.kubectl import Kubectl
from support.widgets import widget

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM

pytestmark = pytest.mark.integration

GROUP = "/apis/swarmkeeper.dev/v1alpha1"
SCALE = f"{GROUP}/namespaces/default/widgets/a/scale"
MERGE = "application/merge-patch+json"
OPERATIONS = "application/json-patch+json"


@pytest.fixture
def kubectl(api: Api, tmp_path: Path) -> Kubectl:
    return Kubectl.at(api, tmp_path)


def make(api: Api, **metadata: Any) -> JsonObject:
    return api.resources.create(widget(size=3, **metadata), actor=PROGRAM)


def now(api: Api) -> JsonObject:
    found = api.resources.get(ObjectRef("Widget", "a"))
    assert found is not None
    return found


def test_objects_from_git_are_scaled_in_git(api: Api, kubectl: Kubectl) -> None:
    make(api, annotations={ORIGIN: "services.yaml:12@3f2a91c"})

    for more in ([], ["--current-replicas=3"]):
        refused = kubectl("scale", "wd/a", "--replicas=5", *more, code=1)
        assert "services.yaml:12@3f2a91c" in refused
    assert now(api)["spec"]["size"] == 3


def test_a_scale_tells_what_is_wanted_and_what_is_the_case(api: Api) -> None:
    made = make(api)
    status = {"status": {"sizes": {"now": 2}}}
    api.resources.patch(ObjectRef("Widget", "a"), status, actor=PROGRAM, subresource="status")

    scale = api.ask("GET", SCALE).json

    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2})
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_scale_is_replaced_at_the_version_that_was_read(api: Api) -> None:
    make(api)
    scale = api.ask("GET", SCALE).json
    scale["spec"]["replicas"] = 4

    assert api.ask("PUT", SCALE, scale).json["spec"] == {"replicas": 4}
    assert api.ask("PUT", SCALE, scale).code == 409
    assert now(api)["spec"] == {"size": 4}


def test_a_scale_takes_both_patches_and_tries(api: Api) -> None:
    make(api)
    five = {"spec": {"replicas": 5}}
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 7}]

    tried = api.ask("PATCH", f"{SCALE}?dryRun=All", five, content_type=MERGE)
    assert (tried.json["spec"], now(api)["spec"]) == ({"replicas": 5}, {"size": 3})
    assert api.ask("PATCH", SCALE, operations, content_type=OPERATIONS).code == 200
    assert now(api)["spec"] == {"size": 7}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"spec": {"replicas": -1}}, 422),
        ({"spec": {"replicas": True}}, 422),
        ({"spec": {"replicas": None}}, 422),
        ({"spec": 3}, 400),
    ],
    ids=str,
)
def test_what_is_no_number_is_refused(api: Api, body: Any, code: int) -> None:
    make(api)

    assert api.ask("PATCH", SCALE, body, content_type=MERGE).code == code


def test_scale_is_discovered_and_described(api: Api) -> None:
    resources = {r["name"]: r for r in api.ask("GET", GROUP).json["resources"]}
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.swarmkeeper.dev"
    (version,) = api.ask("GET", crd).json["spec"]["versions"]
    openapi = api.ask("GET", "/openapi/v3/apis/swarmkeeper.dev/v1alpha1").json

    assert (resources["widgets/scale"]["group"], resources["widgets/scale"]["kind"]) == (
        "autoscaling",
        "Scale",
    )
    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.sizes.now",
    }
    assert f"{GROUP}/namespaces/{{namespace}}/widgets/{{name}}/scale" in openapi["paths"]
