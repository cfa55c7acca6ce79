"""Real kubectl asking about the API itself: explain, discovery, access, version, namespaces."""

from __future__ import annotations

import json

import pytest
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import make, table


@pytest.mark.verb("explain")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("wd", "A thing for tests."),
        ("wd.spec", "A size and some variables."),
        ("wd.spec.size", "How big it is."),
        ("wd.spec.limits.maxActions", "integer"),
        ("wd.metadata.labels", "map[string]string"),
        pytest.param("wd.status.conditions.type", "string", marks=pytest.mark.since("1.27")),
        ("ns", "Groups objects"),
        ("events.involvedObject.name", "string"),
    ],
)
def test_fields_are_explained(kubectl: Kubectl, path: str, told: str) -> None:
    assert told in kubectl("explain", path)


@pytest.mark.verb("explain")
def test_a_field_that_is_none_is_told(kubectl: Kubectl) -> None:
    assert "does not exist" in kubectl("explain", "wd.spec.colour", code=1)


@pytest.mark.verb("explain --recursive")
def test_all_fields_are_explained_at_once(kubectl: Kubectl) -> None:
    words = kubectl("explain", "wd", "--recursive").split()

    assert {"metadata", "spec", "size", "maxActions", "status"} <= set(words)


@pytest.mark.verb("api-resources")
def test_resources_are_listed(kubectl: Kubectl) -> None:
    rows = {row[0]: row[1:] for row in table(kubectl("api-resources", "--sort-by=name"))}

    assert rows["widgets"] == ["wd", "swarmkeeper.dev/v1alpha1", "true", "Widget"]
    of_group = kubectl("api-resources", "--api-group=swarmkeeper.dev", "-o", "name")
    assert set(of_group.split()) == {"auditrecords.swarmkeeper.dev", "widgets.swarmkeeper.dev"}
    assert "widgets.swarmkeeper.dev" in kubectl("get", "crd")


@pytest.mark.verb("api-versions")
def test_versions_are_listed(kubectl: Kubectl) -> None:
    printed = kubectl("api-versions").split()

    assert printed == sorted(printed)
    assert {"v1", "swarmkeeper.dev/v1alpha1", "events.k8s.io/v1"} <= set(printed)


@pytest.mark.verb("version")
def test_the_version_is_told(kubectl: Kubectl) -> None:
    printed = kubectl("version", "-o", "json")  # below it, that releases are far apart
    server = json.loads(printed[: printed.rindex("}") + 1])["serverVersion"]

    assert server["gitVersion"].startswith("v1.32.0+swarmkeeper")


@pytest.mark.verb("auth can-i")
def test_what_one_may_do_is_told(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "wd").startswith("yes")
    assert "*.*" in kubectl("auth", "can-i", "--list")


@pytest.mark.verb("auth can-i")
def test_what_one_may_not_do_is_told(api: Api, kubectl: Kubectl) -> None:
    as_controller = f"--token={api.tokens.operator}"

    answer = kubectl(as_controller, "auth", "can-i", "delete", "wd", code=1)
    assert answer.startswith("no")


@pytest.mark.verb("auth whoami")
@pytest.mark.since("1.28")
def test_one_is_told_who_one_is(kubectl: Kubectl) -> None:
    assert "swarmkeeper:admin" in kubectl("auth", "whoami")


@pytest.mark.verb("create namespace")
def test_namespaces_are_made_and_removed(api: Api, kubectl: Kubectl) -> None:
    assert "created" in kubectl("create", "namespace", "made")
    assert "Active" in kubectl("get", "namespace", "made")
    assert "labeled" in kubectl("label", "namespace", "made", "tier=x")
    make(api, namespace="made")
    assert "delete the objects" in kubectl("delete", "namespace", "made", code=1)
    kubectl("delete", "wd", "--all", "-n", "made")
    assert "deleted" in kubectl("delete", "namespace", "made")


@pytest.mark.verb("create namespace")
def test_a_namespace_is_made_when_its_first_object_needs_it(api: Api, kubectl: Kubectl) -> None:
    make(api, namespace="other")

    rows = table(kubectl("get", "namespaces", "--no-headers"))
    assert [row[:2] for row in rows] == [["default", "Active"], ["other", "Active"]]
