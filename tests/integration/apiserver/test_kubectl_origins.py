"""Real kubectl on objects that git declares: it is told the file, whichever way it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widget_objects import make, now
from support.widgets import widget

from swarmkeeper.apiserver.origin import ORIGIN

pytestmark = pytest.mark.integration

FILE = "services.yaml:12@3f2a91c"


@pytest.fixture
def kubectl(api: Api, tmp_path: Path) -> Kubectl:
    make(api, annotations={ORIGIN: FILE})
    return Kubectl.at(api, tmp_path)


def test_patch_and_delete_are_refused(kubectl: Kubectl) -> None:
    patch = ("patch", "wd", "a", "--type=merge", "-p", '{"spec": {"size": 2}}')
    assert FILE in kubectl(*patch, code=1)
    assert FILE in kubectl("delete", "wd", "a", code=1)


def test_our_annotations_are_taken(api: Api, kubectl: Kubectl) -> None:
    kubectl("annotate", "wd", "a", "swarmkeeper.dev/suspend=true")
    assert now(api)["metadata"]["annotations"]["swarmkeeper.dev/suspend"] == "true"


def test_server_side_apply_is_refused_even_by_force(api: Api, kubectl: Kubectl) -> None:
    force = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    assert FILE in kubectl(*force, stdin=yaml.safe_dump(widget(size=5)), code=1)

    mine = widget(size=1, annotations={"swarmkeeper.dev/suspend": "true"})
    kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(mine))
    assert now(api)["metadata"]["annotations"]["swarmkeeper.dev/suspend"] == "true"


def test_edit_is_refused(kubectl: Kubectl, tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i "s/size: 1/size: 4/" "$1"\n', encoding="utf-8")
    script.chmod(0o700)

    assert FILE in kubectl("edit", "wd", "a", env={"EDITOR": str(script)}, code=1)
