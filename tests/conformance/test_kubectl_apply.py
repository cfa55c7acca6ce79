"""Real kubectl applying files: on the client's side, on the server's, and what would change."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import make, now
from support.widgets import widget


def apply(kubectl: Kubectl, obj: Any, *args: str, code: int = 0) -> str:
    return kubectl("apply", *args, "-f", "-", stdin=yaml.safe_dump(obj), code=code)


def apply_there(kubectl: Kubectl, obj: Any, *args: str, code: int = 0) -> str:
    return apply(kubectl, obj, "--server-side", *args, code=code)


@pytest.mark.verb("apply")
def test_a_file_is_applied_again_and_again(api: Api, kubectl: Kubectl) -> None:
    assert "created" in apply(kubectl, widget(labels={"tier": "x"}))
    revision = api.resources.store.revision
    assert "unchanged" in apply(kubectl, widget(labels={"tier": "x"}))
    assert api.resources.store.revision == revision

    assert "configured" in apply(kubectl, widget(size=2))
    assert (now(api)["spec"], "labels" in now(api)["metadata"]) == ({"size": 2}, False)


@pytest.mark.verb("apply")
def test_what_others_added_stays(api: Api, kubectl: Kubectl) -> None:
    apply(kubectl, widget(size=1))
    kubectl("label", "wd", "a", "tier=x")
    apply(kubectl, widget(size=2))

    assert now(api)["metadata"]["labels"] == {"tier": "x"}


@pytest.mark.verb("apply --dry-run=server")
def test_a_try_applies_nothing(api: Api, kubectl: Kubectl) -> None:
    apply(kubectl, widget(size=1))
    revision = api.resources.store.revision

    assert "server dry run" in apply(kubectl, widget(size=4), "--dry-run=server")
    assert "spec.size" in apply(kubectl, widget(size=-1), "--dry-run=server", code=1)
    assert api.resources.store.revision == revision


@pytest.mark.verb("apply --prune")
def test_what_is_no_longer_in_the_files_is_removed(api: Api, kubectl: Kubectl) -> None:
    allow = "--prune-allowlist" if kubectl.version >= (1, 26) else "--prune-whitelist"
    prune = ("--prune", "-l", "tier=x", allow, "swarmkeeper.dev/v1alpha1/Widget")
    labelled = [widget(name, labels={"tier": "x"}) for name in ("a", "b")]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(labelled))
    make(api, "c", labels={"tier": "x"})  # that nobody applied

    apply(kubectl, labelled[0], *prune)

    assert [w["metadata"]["name"] for w in api.resources.list("Widget")] == ["a", "c"]


@pytest.mark.verb("apply --server-side")
def test_the_server_merges(api: Api, kubectl: Kubectl) -> None:
    assert "serverside-applied" in apply_there(kubectl, widget(labels={"tier": "x"}))
    revision = api.resources.store.revision
    apply_there(kubectl, widget(labels={"tier": "x"}))
    assert api.resources.store.revision == revision
    apply_there(kubectl, widget(size=8), "--dry-run=server")
    assert api.resources.store.revision == revision

    apply_there(kubectl, widget(size=2))

    assert now(api)["spec"] == {"size": 2}
    assert "labels" not in now(api)["metadata"]
    (owner,) = now(api)["metadata"]["managedFields"]
    assert (owner["manager"], owner["operation"]) == ("kubectl", "Apply")
    assert owner["fieldsV1"] == {"f:spec": {"f:size": {}}}


@pytest.mark.verb("apply --server-side (conflicts)")
def test_fields_of_others_are_told_and_taken_by_force(api: Api, kubectl: Kubectl) -> None:
    apply_there(kubectl, widget(size=1))
    apply_there(kubectl, widget(size=1), "--field-manager=other")

    refused = apply_there(kubectl, widget(size=5), code=1)
    assert 'conflict with "other": .spec.size' in refused
    assert now(api)["spec"] == {"size": 1}

    apply_there(kubectl, widget(size=5), "--force-conflicts")
    assert now(api)["spec"] == {"size": 5}
    assert [m["manager"] for m in now(api)["metadata"]["managedFields"]] == ["kubectl"]


@pytest.mark.verb("apply --server-side (conflicts)")
def test_other_writes_take_over_what_they_change(api: Api, kubectl: Kubectl) -> None:
    apply_there(kubectl, widget(size=1))
    kubectl("scale", "wd/a", "--replicas=3")

    assert 'conflict with "kubectl" using' in apply_there(kubectl, widget(size=1), code=1)
    kubectl("label", "wd", "a", "tier=x")
    apply_there(kubectl, widget(size=3))
    assert now(api)["metadata"]["labels"] == {"tier": "x"}


@pytest.mark.verb("get --show-managed-fields")
@pytest.mark.since("1.21")
def test_owners_of_fields_are_shown_to_those_who_ask(api: Api, kubectl: Kubectl) -> None:
    apply_there(kubectl, widget())

    assert "managedFields" not in kubectl("get", "wd", "a", "-o", "yaml")
    assert "f:size" in kubectl("get", "wd", "a", "-o", "yaml", "--show-managed-fields")


@pytest.mark.verb("apply --server-side")
def test_both_ways_of_applying_go_together(api: Api, kubectl: Kubectl) -> None:
    apply(kubectl, widget(size=1))
    assert "serverside-applied" in apply_there(kubectl, widget(size=1, labels={"tier": "x"}))
    apply(kubectl, widget(size=2))

    assert now(api)["spec"] == {"size": 2}


@pytest.mark.verb("apply --server-side")
def test_namespaces_are_applied(kubectl: Kubectl) -> None:
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}}

    assert "serverside-applied" in apply_there(kubectl, made)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param([], marks=pytest.mark.verb("diff"), id="client"),
        pytest.param(["--server-side"], marks=pytest.mark.verb("diff --server-side"), id="server"),
    ],
)
def test_diff_shows_and_changes_nothing(api: Api, kubectl: Kubectl, how: list[str]) -> None:
    apply(kubectl, widget(size=1), *how)
    revision = api.resources.store.revision

    changed = yaml.safe_dump(widget(size=3))
    assert "+  size: 3" in kubectl("diff", *how, "-f", "-", stdin=changed, code=1)
    assert kubectl("diff", *how, "-f", "-", stdin=yaml.safe_dump(widget(size=1))) == ""
    assert api.resources.store.revision == revision
