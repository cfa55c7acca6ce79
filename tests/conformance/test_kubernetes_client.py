"""The official Kubernetes client against the embedded API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from support.api import Api
from support.clients import kubernetes_client
from support.widgets import widget

from swarmkeeper.apiserver.origin import PROGRAM

pytestmark = pytest.mark.client("kubernetes")

kube: Any = kubernetes  # its own types are not of much help
WIDGETS = ("swarmkeeper.dev", "v1alpha1", "default", "widgets")


@pytest.fixture
def connection(kubeconfig: Path) -> Iterator[Any]:
    with kubernetes_client(kubeconfig) as connection:
        yield connection


@pytest.mark.verb(
    "create", "get", "patch --type=merge", "patch --subresource=status", "replace", "delete"
)
def test_objects_are_written_and_read(connection: Any) -> None:
    custom = kube.client.CustomObjectsApi(connection)

    custom.create_namespaced_custom_object(*WIDGETS, widget())
    custom.patch_namespaced_custom_object(*WIDGETS, "a", {"spec": {"size": 2}})
    status = {"status": {"phase": "Done"}}
    custom.patch_namespaced_custom_object_status(*WIDGETS, "a", status)
    found = custom.get_namespaced_custom_object(*WIDGETS, "a")
    assert (found["spec"]["size"], found["status"]) == (2, {"phase": "Done"})
    found["spec"]["size"] = 3
    custom.replace_namespaced_custom_object(*WIDGETS, "a", found)
    (listed,) = custom.list_namespaced_custom_object(*WIDGETS)["items"]
    assert listed["spec"]["size"] == 3
    custom.delete_namespaced_custom_object(*WIDGETS, "a")
    with pytest.raises(kube.client.ApiException) as caught:
        custom.get_namespaced_custom_object(*WIDGETS, "a")
    assert caught.value.status == 404


@pytest.mark.verb("get events", "api-versions")
def test_typed_events_and_namespaces_are_understood(api: Api, connection: Any) -> None:
    core = kube.client.CoreV1Api(connection)
    body = {"kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"name": "a"}}
    api.resources.create(body, actor=PROGRAM)

    assert [n.metadata.name for n in core.list_namespace().items] == ["default"]
    (event,) = core.list_namespaced_event("default").items
    assert event.involved_object.name == "a"
    versions = kube.client.ApisApi(connection).get_api_versions()
    assert "swarmkeeper.dev" in [group.name for group in versions.groups]


@pytest.mark.verb("get -w")
def test_a_watch_follows_a_list_and_lists_again_when_expired(api: Api, connection: Any) -> None:
    custom = kube.client.CustomObjectsApi(connection)
    version = custom.list_namespaced_custom_object(*WIDGETS)["metadata"]["resourceVersion"]
    events: list[tuple[str, str]] = []

    def follow() -> None:
        stream = kube.watch.Watch()
        listing = custom.list_namespaced_custom_object
        for event in stream.stream(listing, *WIDGETS, resource_version=version, timeout_seconds=20):
            events.append((event["type"], event["object"]["metadata"]["name"]))
            if len(events) == 2:
                stream.stop()

    thread = threading.Thread(target=follow)
    thread.start()
    custom.create_namespaced_custom_object(*WIDGETS, widget())
    custom.delete_namespaced_custom_object(*WIDGETS, "a")
    thread.join(20)
    assert events == [("ADDED", "a"), ("DELETED", "a")]

    api.resources.store.compact(api.resources.store.revision)
    stream = kube.watch.Watch()
    with pytest.raises(kube.client.ApiException) as caught:
        for _ in stream.stream(
            custom.list_namespaced_custom_object, *WIDGETS, resource_version="1", timeout_seconds=5
        ):
            pass
    assert caught.value.status == 410
