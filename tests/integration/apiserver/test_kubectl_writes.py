"""Real kubectl changing objects: server-side apply, edit, replace, label, annotate, create."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widgets import widget

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM

pytestmark = pytest.mark.integration


@pytest.fixture
def kubectl(api: Api, tmp_path: Path) -> Kubectl:
    return Kubectl.at(api, tmp_path)


def now(api: Api) -> JsonObject:
    found = api.resources.get(ObjectRef("Widget", "a"))
    assert found is not None
    return found


def apply(kubectl: Kubectl, obj: Any, *args: str, code: int = 0) -> str:
    text = yaml.safe_dump(obj)
    return kubectl("apply", "--server-side", *args, "-f", "-", stdin=text, code=code)


def test_server_side_apply_creates_and_changes(api: Api, kubectl: Kubectl) -> None:
    assert "serverside-applied" in apply(kubectl, widget(labels={"tier": "x"}))
    revision = api.resources.store.revision
    apply(kubectl, widget(labels={"tier": "x"}))
    assert api.resources.store.revision == revision
    apply(kubectl, widget(size=8), "--dry-run=server")
    assert api.resources.store.revision == revision

    apply(kubectl, widget(size=2))

    assert now(api)["spec"] == {"size": 2}
    assert "labels" not in now(api)["metadata"]
    (owner,) = now(api)["metadata"]["managedFields"]
    assert (owner["manager"], owner["operation"]) == ("kubectl", "Apply")
    assert owner["fieldsV1"] == {"f:spec": {"f:size": {}}}


def test_fields_of_others_are_told_and_taken_by_force(api: Api, kubectl: Kubectl) -> None:
    apply(kubectl, widget(size=1))
    apply(kubectl, widget(size=1), "--field-manager=other")

    refused = apply(kubectl, widget(size=5), code=1)
    assert 'conflict with "other": .spec.size' in refused
    assert now(api)["spec"] == {"size": 1}

    apply(kubectl, widget(size=5), "--force-conflicts")
    assert now(api)["spec"] == {"size": 5}
    assert [m["manager"] for m in now(api)["metadata"]["managedFields"]] == ["kubectl"]


def test_other_writes_take_over_what_they_change(api: Api, kubectl: Kubectl) -> None:
    apply(kubectl, widget(size=1))
    kubectl("scale", "wd/a", "--replicas=3")

    assert 'conflict with "kubectl" using' in apply(kubectl, widget(size=1), code=1)
    kubectl("label", "wd", "a", "tier=x")
    apply(kubectl, widget(size=3))
    assert now(api)["metadata"]["labels"] == {"tier": "x"}


def test_objects_from_git_are_not_applied_over(api: Api, kubectl: Kubectl) -> None:
    api.resources.create(widget(annotations={ORIGIN: "services.yaml:12@3f2a91c"}), actor=PROGRAM)

    refused = apply(kubectl, widget(size=5), "--force-conflicts", code=1)
    assert "services.yaml:12@3f2a91c" in refused
    apply(kubectl, widget(size=1, annotations={"swarmkeeper.dev/suspend": "true"}))
    assert now(api)["metadata"]["annotations"]["swarmkeeper.dev/suspend"] == "true"


@pytest.mark.parametrize("how", [[], ["--server-side"]], ids=["client", "server"])
def test_diff_shows_and_changes_nothing(api: Api, kubectl: Kubectl, how: list[str]) -> None:
    apply(kubectl, widget(size=1))
    revision = api.resources.store.revision

    assert "+  size: 3" in kubectl(
        "diff", *how, "-f", "-", stdin=yaml.safe_dump(widget(size=3)), code=1
    )
    assert kubectl("diff", *how, "-f", "-", stdin=yaml.safe_dump(widget(size=1))) == ""
    assert api.resources.store.revision == revision


def test_client_side_and_server_side_apply_go_together(api: Api, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(widget(size=1)))
    assert "serverside-applied" in apply(kubectl, widget(size=1, labels={"tier": "x"}))
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(widget(size=2)))

    assert now(api)["spec"] == {"size": 2}


def test_edit_runs_the_editor(api: Api, kubectl: Kubectl, tmp_path: Path) -> None:
    api.resources.create(widget(size=1), actor=PROGRAM)
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i "s/size: 1/size: 4/" "$1"\n', encoding="utf-8")
    script.chmod(0o700)

    assert "edited" in kubectl("edit", "wd", "a", env={"EDITOR": str(script)})
    assert now(api)["spec"] == {"size": 4}


def test_edit_of_an_object_from_git_names_the_file(
    api: Api, kubectl: Kubectl, tmp_path: Path
) -> None:
    origin = {ORIGIN: "services.yaml:12@3f2a91c"}
    api.resources.create(widget(size=1, annotations=origin), actor=PROGRAM)
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i "s/size: 1/size: 4/" "$1"\n', encoding="utf-8")
    script.chmod(0o700)

    refused = kubectl("edit", "wd", "a", env={"EDITOR": str(script)}, code=1)

    assert "services.yaml:12@3f2a91c" in refused


def test_replace_label_and_annotate(api: Api, kubectl: Kubectl) -> None:
    api.resources.create(widget(size=1), actor=PROGRAM)

    kubectl("label", "wd", "a", "tier=x")
    kubectl("label", "wd", "a", "tier=y", code=1)
    kubectl("label", "wd", "a", "tier=y", "--overwrite")
    kubectl("annotate", "wd", "a", "note=n")
    kubectl("annotate", "wd", "a", "note-")
    read = json.loads(kubectl("get", "wd", "a", "-o", "json"))
    read["spec"]["size"] = 9
    kubectl("replace", "-f", "-", stdin=json.dumps(read))

    assert now(api)["spec"] == {"size": 9}
    assert now(api)["metadata"]["labels"] == {"tier": "y"}
    assert "annotations" not in now(api)["metadata"]


def test_namespaces_are_created_by_name(kubectl: Kubectl) -> None:
    kubectl("delete", "namespace", "made", "--ignore-not-found")

    assert "created" in kubectl("create", "namespace", "made")
    assert "Active" in kubectl("get", "namespace", "made")
    assert "deleted" in kubectl("delete", "namespace", "made")
    labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}}
    assert "serverside-applied" in apply(kubectl, labelled)
    kubectl("delete", "namespace", "made")
