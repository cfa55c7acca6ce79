"""Real kubectl changing objects: create, patch, replace, edit, label, annotate, scale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import make, now
from support.widgets import widget

STATUS = '{"status": {"phase": "Done"}}'


@pytest.fixture
def editor(tmp_path: Path) -> dict[str, str]:
    """What changes the size from 1 to 4."""
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i "s/size: 1/size: 4/" "$1"\n', encoding="utf-8")
    script.chmod(0o700)
    return {"EDITOR": str(script)}


@pytest.mark.verb("create")
def test_an_object_is_created_once(api: Api, kubectl: Kubectl) -> None:
    manifest = yaml.safe_dump(widget())

    assert "created" in kubectl("create", "-f", "-", stdin=manifest)
    assert now(api)["spec"] == {"size": 1}
    assert "already exists" in kubectl("create", "-f", "-", stdin=manifest, code=1)


@pytest.mark.verb("create")
def test_a_name_is_made_up(kubectl: Kubectl) -> None:
    nameless = widget(generateName="w-")
    del nameless["metadata"]["name"]

    printed = kubectl("create", "-f", "-", "-o", "name", stdin=yaml.safe_dump(nameless))
    assert printed.startswith("widget.swarmkeeper.dev/w-")


@pytest.mark.verb("create (invalid)")
def test_wrong_fields_are_named(kubectl: Kubectl) -> None:
    wrong = widget(size=-1)
    printed = kubectl("create", "-f", "-", stdin=yaml.safe_dump(wrong), code=1)
    assert 'The Widget "a" is invalid: spec.size: must be at least 0' in printed

    unknown = yaml.safe_dump(widget() | {"colour": "red"})
    printed = kubectl("create", "--validate=false", "-f", "-", stdin=unknown, code=1)
    assert "colour: unknown field" in printed


@pytest.mark.verb("create --dry-run=server")
def test_a_try_creates_nothing(api: Api, kubectl: Kubectl) -> None:
    kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(widget()))
    wrong = yaml.safe_dump(widget(size=-1))
    assert "spec.size" in kubectl("create", "--dry-run=server", "-f", "-", stdin=wrong, code=1)

    assert api.resources.list("Widget") == []


@pytest.mark.verb("patch --type=merge")
def test_a_merge_patch(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec": {"size": 2}}')
    assert now(api)["spec"] == {"size": 2}
    assert "spec.size" in kubectl(
        "patch", "wd", "a", "--type=merge", "-p", '{"spec": {"size": "big"}}', code=1
    )


@pytest.mark.verb("patch --type=json")
def test_a_json_patch(api: Api, kubectl: Kubectl) -> None:
    make(api)
    operations = [{"op": "test", "path": "/spec/size", "value": 1}]
    operations.append({"op": "replace", "path": "/spec/size", "value": 3})

    kubectl("patch", "wd", "a", "--type=json", "-p", json.dumps(operations))
    assert now(api)["spec"] == {"size": 3}
    kubectl("patch", "wd", "a", "--type=json", "-p", json.dumps(operations), code=1)


@pytest.mark.verb("patch --type=strategic (refused)")
def test_a_strategic_patch_is_refused(api: Api, kubectl: Kubectl) -> None:
    make(api)

    refused = kubectl("patch", "wd", "a", "--type=strategic", "-p", '{"spec": {"size": 2}}', code=1)
    assert "application/strategic-merge-patch+json" in refused
    assert now(api)["spec"] == {"size": 1}


@pytest.mark.verb("patch --subresource=status")
@pytest.mark.since("1.24")
def test_a_patch_of_the_status(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("patch", "wd", "a", "--type=merge", "-p", STATUS)
    assert "status" not in now(api)
    kubectl("patch", "wd", "a", "--type=merge", "--subresource=status", "-p", STATUS)
    assert now(api)["status"] == {"phase": "Done"}
    assert now(api)["metadata"]["generation"] == 1


@pytest.mark.verb("replace")
def test_an_object_is_replaced(api: Api, kubectl: Kubectl) -> None:
    make(api, labels={"tier": "x"})

    assert "replaced" in kubectl("replace", "-f", "-", stdin=yaml.safe_dump(widget(size=7)))
    assert (now(api)["spec"], "labels" in now(api)["metadata"]) == ({"size": 7}, False)


@pytest.mark.verb("replace")
def test_only_the_version_that_was_read_is_replaced(api: Api, kubectl: Kubectl) -> None:
    make(api)
    read = json.loads(kubectl("get", "wd", "a", "-o", "json"))
    read["spec"]["size"] = 9

    kubectl("replace", "-f", "-", stdin=json.dumps(read))
    assert now(api)["spec"] == {"size": 9}
    stale = kubectl("replace", "-f", "-", stdin=json.dumps(read), code=1)
    assert "the object has been modified" in stale


@pytest.mark.verb("replace --force")
def test_an_object_is_made_anew(api: Api, kubectl: Kubectl) -> None:
    uid = make(api)["metadata"]["uid"]

    kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(widget(size=7)))
    assert now(api)["spec"] == {"size": 7}
    assert now(api)["metadata"]["uid"] != uid


@pytest.mark.verb("edit")
def test_an_object_is_edited(api: Api, kubectl: Kubectl, editor: dict[str, str]) -> None:
    make(api)

    assert "edited" in kubectl("edit", "wd", "a", env=editor)
    assert now(api)["spec"] == {"size": 4}


@pytest.mark.verb("label")
def test_labels_are_set_changed_and_removed(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("label", "wd", "a", "tier=x", "colour=red")
    kubectl("label", "wd", "a", "tier=y", code=1)
    kubectl("label", "wd", "a", "tier=y", "--overwrite")
    kubectl("label", "wd", "a", "colour-")
    kubectl("label", "wd", "a", "tier=no value", "--overwrite", code=1)

    assert now(api)["metadata"]["labels"] == {"tier": "y"}


@pytest.mark.verb("annotate")
def test_annotations_are_set_and_removed(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("annotate", "wd", "a", "note=n", "swarmkeeper.dev/requested-at=now")
    kubectl("annotate", "wd", "a", "note-")

    assert now(api)["metadata"]["annotations"] == {"swarmkeeper.dev/requested-at": "now"}
    assert now(api)["metadata"]["generation"] == 1


@pytest.mark.verb("scale")
def test_an_object_is_scaled(api: Api, kubectl: Kubectl) -> None:
    make(api, size=3)

    assert "scaled" in kubectl("scale", "wd/a", "--replicas=5")
    assert "scaled" in kubectl("scale", "wd/a", "--replicas=6", "--current-replicas=5")
    refused = kubectl("scale", "wd/a", "--replicas=9", "--current-replicas=5", code=1)

    assert "6" in refused
    assert (now(api)["spec"], now(api)["metadata"]["generation"]) == ({"size": 6}, 3)
