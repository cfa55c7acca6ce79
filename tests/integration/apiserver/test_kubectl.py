"""Real kubectl against the embedded API, as people use it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.api import Api
from support.kubectl import Kubectl
from support.widgets import widget

from desired_state.objects import ObjectRef
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(api: Api, home: Path) -> Kubectl:
    return Kubectl.at(api, home)


def make(api: Api, name: str = "a", **metadata: Any) -> Any:
    return api.resources.create(widget(name, **metadata), actor=PROGRAM)


def be_ready(api: Api, name: str = "a") -> None:
    condition = {"type": "Ready", "status": "True", "message": "all is well"}
    api.resources.patch(
        ObjectRef("Widget", name),
        {"status": {"conditions": [condition]}},
        actor=PROGRAM,
        subresource="status",
    )


def post_event(api: Api, obj: Any) -> None:
    metadata = obj["metadata"]
    api.resources.create(
        {
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.1", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": "Shrunk",
            "message": "from 2 to 1",
            "source": {"component": "tests"},
            "firstTimestamp": metadata["creationTimestamp"],
            "lastTimestamp": metadata["creationTimestamp"],
        },
        actor=PROGRAM,
    )


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("name", ["widgets", "wd", "widget", "widgets.swarmkeeper.dev", "all"])
def test_get_by_any_name(api: Api, kubectl: Kubectl, name: str) -> None:
    make(api)
    be_ready(api)

    printed = table(kubectl("get", name))

    assert printed[0] == ["NAME", "SIZE", "READY", "STATUS", "AGE"]
    assert printed[1][0].endswith("a")
    assert printed[1][1:6] == ["1", "True", "all", "is", "well"]


def test_get_in_any_form(api: Api, kubectl: Kubectl) -> None:
    created = make(api, labels={"tier": "x"})
    make(api, "b", namespace="other")

    assert "ENV" in kubectl("get", "wd", "-o", "wide")
    assert json.loads(kubectl("get", "wd", "a", "-o", "json")) == created
    assert yaml.safe_load(kubectl("get", "wd", "a", "-o", "yaml")) == created
    assert kubectl("get", "wd", "-o", "name") == "widget.swarmkeeper.dev/a\n"
    assert kubectl("get", "wd", "-o", "jsonpath={.items[*].spec.size}") == "1"
    assert [row[:2] for row in table(kubectl("get", "wd", "-A"))[1:]] == [
        ["default", "a"],
        ["other", "b"],
    ]
    assert "No resources found" in kubectl("get", "wd", "-l", "tier=y")
    assert len(table(kubectl("get", "wd", "-l", "tier=x", "--show-labels"))) == 2
    assert 'widgets.swarmkeeper.dev "c" not found' in kubectl("get", "wd", "c", code=1)


def test_long_lists_come_in_chunks(api: Api, kubectl: Kubectl) -> None:
    for number in range(5):
        make(api, f"w{number}")

    assert len(table(kubectl("get", "wd", "--chunk-size=2", "--no-headers"))) == 5


def test_get_and_watch(api: Api, kubectl: Kubectl) -> None:
    make(api)
    process = kubectl.start("get", "wd", "-w")
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("NAME")
        assert process.stdout.readline().startswith("a ")
        be_ready(api)
        assert "all is well" in process.stdout.readline()
        api.resources.delete(ObjectRef("Widget", "a"), actor=PROGRAM)
        assert process.stdout.readline().startswith("a ")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_describe_shows_events(api: Api, kubectl: Kubectl) -> None:
    post_event(api, make(api))

    described = kubectl("describe", "wd", "a")

    assert "Kind:         Widget" in described
    assert "Size:  1" in described
    assert ["Warning", "Shrunk"] in [row[:2] for row in table(described)]


@pytest.mark.parametrize(
    "command",
    [
        ("get", "events"),
        ("events",),
        ("events", "--for", "widget/a"),
        ("get", "events.events.k8s.io"),
    ],
    ids=" ".join,
)
def test_events_are_listed(api: Api, kubectl: Kubectl, command: tuple[str, ...]) -> None:
    post_event(api, make(api))

    (heading, row) = table(kubectl(*command))

    assert heading == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert row[1:3] == ["Warning", "Shrunk"]
    assert row[3].lower() == "widget/a"


def test_wait_for_a_condition(api: Api, kubectl: Kubectl) -> None:
    make(api)
    timer = threading.Timer(0.5, be_ready, (api,))
    timer.start()

    assert "condition met" in kubectl("wait", "wd/a", "--for=condition=Ready", "--timeout=10s")
    timer.join()
    printed = kubectl("wait", "wd/a", "--for=condition=Stalled", "--timeout=1s", code=1)
    assert "timed out" in printed


def test_annotate_label_and_patch(api: Api, kubectl: Kubectl) -> None:
    make(api)

    kubectl("annotate", "wd", "a", "swarmkeeper.dev/requested-at=now")
    kubectl("label", "wd", "a", "tier=x")
    kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec": {"size": 2}}')
    operations = '[{"op": "replace", "path": "/spec/size", "value": 3}]'
    kubectl("patch", "wd", "a", "--type=json", "-p", operations)
    status = '{"status": {"phase": "Done"}}'
    kubectl("patch", "wd", "a", "--type=merge", "--subresource=status", "-p", status)

    obj = api.resources.get(ObjectRef("Widget", "a"))
    assert obj is not None
    assert obj["metadata"]["annotations"] == {"swarmkeeper.dev/requested-at": "now"}
    assert obj["metadata"]["labels"] == {"tier": "x"}
    assert (obj["spec"], obj["status"]) == ({"size": 3}, {"phase": "Done"})


def test_api_resources(kubectl: Kubectl) -> None:
    rows = {row[0]: row[1:] for row in table(kubectl("api-resources", "--sort-by=name"))}

    assert rows["widgets"] == ["wd", "swarmkeeper.dev/v1alpha1", "true", "Widget"]
    assert kubectl("api-versions").split() == sorted(kubectl("api-versions").split())
    assert "widgets.swarmkeeper.dev" in kubectl("get", "crd")


def test_version_and_cluster(kubectl: Kubectl) -> None:
    assert "v1.32.0+swarmkeeper" in kubectl("version")
    assert kubectl("auth", "can-i", "delete", "wd").strip().endswith("yes")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_whoami(kubectl: Kubectl) -> None:
    assert "swarmkeeper:admin" in kubectl("auth", "whoami")


def test_delete_waits_for_finalizers(api: Api, kubectl: Kubectl) -> None:
    make(api, finalizers=["test/one"])

    def finish() -> None:
        ref = ObjectRef("Widget", "a")
        while "deletionTimestamp" not in (api.resources.get(ref) or {"metadata": {}})["metadata"]:
            time.sleep(0.02)
        api.resources.patch(ref, {"metadata": {"finalizers": []}}, actor=PROGRAM)

    thread = threading.Thread(target=finish, daemon=True)
    thread.start()
    assert "deleted" in kubectl("delete", "wd", "a")
    thread.join(5)
    assert api.resources.get(ObjectRef("Widget", "a")) is None


def test_delete_all(api: Api, kubectl: Kubectl) -> None:
    make(api, "a")
    make(api, "b")

    kubectl("delete", "wd", "--all")

    assert api.resources.list("Widget") == []


def test_create_from_a_file(api: Api, kubectl: Kubectl) -> None:
    assert "created" in kubectl("create", "-f", "-", stdin=yaml.safe_dump(widget()))
    assert "already exists" in kubectl("create", "-f", "-", stdin=yaml.safe_dump(widget()), code=1)


def test_create_names_wrong_fields(kubectl: Kubectl) -> None:
    wrong = yaml.safe_dump(widget(size=-1) | {"colour": "red"})
    assert "colour: unknown field" in kubectl("create", "-f", "-", stdin=wrong, code=1)
    wrong = yaml.safe_dump(widget(size=-1))
    assert "spec.size" in kubectl("create", "-f", "-", stdin=wrong, code=1)


def test_apply(api: Api, kubectl: Kubectl) -> None:
    def apply(obj: Any, *args: str) -> str:
        return kubectl("apply", *args, "-f", "-", stdin=yaml.safe_dump(obj))

    assert "created" in apply(widget(labels={"tier": "x"}))
    revision = api.resources.store.revision
    assert "unchanged" in apply(widget(labels={"tier": "x"}))
    assert api.resources.store.revision == revision
    assert "server dry run" in apply(widget(size=4), "--dry-run=server")
    assert api.resources.store.revision == revision

    assert "configured" in apply(widget(size=2))
    obj = api.resources.get(ObjectRef("Widget", "a"))
    assert obj is not None
    assert (obj["spec"], "labels" in obj["metadata"]) == ({"size": 2}, False)


def test_diff_and_explain(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert "+  size: 3" in kubectl("diff", "-f", "-", stdin=yaml.safe_dump(widget(size=3)), code=1)
    assert "How big it is." in kubectl("explain", "wd.spec.size")


def test_replace(api: Api, kubectl: Kubectl) -> None:
    make(api)

    assert "replaced" in kubectl("replace", "-f", "-", stdin=yaml.safe_dump(widget(size=7)))


def test_namespaces(api: Api, kubectl: Kubectl) -> None:
    make(api, namespace="other")

    rows = table(kubectl("get", "namespaces"))
    assert [row[:2] for row in rows] == [
        ["NAME", "STATUS"],
        ["default", "Active"],
        ["other", "Active"],
    ]
    kubectl("label", "namespace", "other", "tier=x")


def test_git_objects_name_the_file(api: Api, kubectl: Kubectl) -> None:
    make(api, annotations={ORIGIN: "services.yaml:12@3f2a91c"})

    refused = kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec": {"size": 2}}', code=1)
    assert "services.yaml:12@3f2a91c" in refused
    assert "services.yaml:12@3f2a91c" in kubectl("delete", "wd", "a", code=1)
    kubectl("annotate", "wd", "a", "swarmkeeper.dev/suspend=true")
