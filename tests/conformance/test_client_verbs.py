"""Further verbs of kr8s, lightkube and the official client: selectors, scale, deletions, waiting, events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from kr8s.objects import new_class
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Event
from lightkube.types import CascadeType, PatchType
from support.api import Api
from support.clients import (
    GROUP,
    VERSION,
    kr8s_client,
    kubernetes_client,
    lightkube_client,
    make_soon,
)
from support.operator_process import eventually
from support.widget_objects import be_ready, make, now, post_event
from support.widgets import widget

from desired_state.objects import API_VERSION, JsonObject, ObjectRef
from swarmkeeper.apiserver.origin import PROGRAM

TIMEOUT = 20.0
WIDGETS = (GROUP, VERSION, "default", "widgets")
SIZE_4 = [{"op": "replace", "path": "/spec/size", "value": 4}]
kube: Any = kubernetes  # its own types are not of much help


@pytest.fixture
def api(api: Api) -> Api:
    """With two widgets."""
    make(api, labels={"tier": "x"})
    make(api, "b")
    return api


def names(api: Api) -> list[str]:
    return [each["metadata"]["name"] for each in api.resources.list("Widget")]


def own(api: Api, name: str = "child", owner: str = "a") -> None:
    """Makes a widget that belongs to another one."""
    named = {"name": owner, "uid": now(api, owner)["metadata"]["uid"]}
    reference: JsonObject = {"apiVersion": API_VERSION, "kind": "Widget", **named}
    make(api, name, ownerReferences=[reference])


def soon(act: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(0.3, act)
    timer.start()
    return timer


def make_two_soon(api: Api) -> list[threading.Timer]:
    """Makes `other`, and `c`, which is selected."""
    return [make_soon(api, "other"), make_soon(api, "c", labels={"tier": "y"})]


def end(timers: list[threading.Timer]) -> None:
    for timer in timers:
        timer.join(TIMEOUT)


# --- kr8s ----------------------------------------------------------------------------------------


def kr8s_kind() -> Any:
    return new_class(
        "Widget",
        version=f"{GROUP}/{VERSION}",
        namespaced=True,
        asyncio=True,
        scalable=True,
        scalable_spec="size",
    )


@pytest.mark.client("kr8s")
@pytest.mark.verb(
    "create",
    "annotate",
    "get --field-selector",
    "get -l",
    "patch --type=json",
    "scale",
    "get events",
    "api-resources",
)
def test_kr8s_makes_selects_and_scales(api: Api, kubeconfig: Path) -> None:
    kind = kr8s_kind()
    post_event(api, now(api))

    async def run() -> None:
        async with kr8s_client(kubeconfig) as client:
            await kind(widget("c", namespace="default"), api=client).create()
            (c,) = [w async for w in kind.list(api=client, field_selector="metadata.name=c")]
            await c.annotate(seen="yes")
            await c.patch(SIZE_4, type="json")
            assert now(api, "c")["spec"] == {"size": 4}
            assert now(api, "c")["metadata"]["annotations"] == {"seen": "yes"}
            await c.scale(6)
            assert now(api, "c")["spec"] == {"size": 6}
            found = [w.name async for w in kind.list(api=client, label_selector="tier in (x, y)")]
            assert found == ["a"]
            about_a = {"involvedObject.name": "a"}
            (event,) = [e async for e in client.get("events", field_selector=about_a)]
            assert event.raw["reason"] == "Shrunk"
            assert "widgets" in [each["name"] for each in await client.api_resources()]

    asyncio.run(run())


@pytest.mark.client("kr8s")
@pytest.mark.verb("wait --for=condition", "get -w (selectors)")
def test_kr8s_waits_and_watches_what_is_selected(api: Api, kubeconfig: Path) -> None:
    seen: list[str] = []

    async def run() -> None:
        async with kr8s_client(kubeconfig) as client:
            a = await kr8s_kind().get("a", api=client)
            await a.wait("condition=Ready", timeout=TIMEOUT)
            watch = client.watch("widgets", label_selector={"tier": "y"})
            timers.extend(make_two_soon(api))
            async with aclosing(watch) as events:
                async for _, obj in events:
                    seen.append(obj.name)
                    return

    api.resources.patch(  # kr8s waits for nothing that has no status
        ObjectRef("Widget", "a"), {"status": {}}, actor=PROGRAM, subresource="status"
    )
    timers = [soon(lambda: be_ready(api))]
    asyncio.run(run())
    end(timers)
    assert seen == ["c"]


@pytest.mark.client("kr8s")
@pytest.mark.verb("delete (what it owns)", "delete --cascade=orphan (what it owns)")
def test_kr8s_deletes_owners(api: Api, kubeconfig: Path) -> None:
    own(api)

    async def run() -> None:
        async with kr8s_client(kubeconfig) as client:
            a = await kr8s_kind().get("a", api=client)
            await a.delete(propagation_policy="Orphan")
            eventually(lambda: names(api) == ["b", "child"])
            own(api, "grandchild", owner="child")
            await (await kr8s_kind().get("child", api=client)).delete()
            eventually(lambda: names(api) == ["b"])

    asyncio.run(run())


# --- lightkube -----------------------------------------------------------------------------------


def lightkube_kind() -> Any:
    return create_namespaced_resource(GROUP, VERSION, "Widget", "widgets")


@pytest.mark.client("lightkube")
@pytest.mark.verb(
    "get --field-selector", "patch --type=json", "label", "annotate", "scale", "get events"
)
def test_lightkube_selects_changes_and_scales(api: Api, kubeconfig: Path) -> None:
    kind = lightkube_kind()
    post_event(api, now(api))
    with lightkube_client(kubeconfig) as client:
        (found,) = client.list(kind, fields={"metadata.name": "b"})
        assert found.metadata.name == "b"
        client.patch(kind, "a", SIZE_4, patch_type=PatchType.JSON)
        assert now(api)["spec"] == {"size": 4}
        patch = {"metadata": {"labels": {"tier": "y"}, "annotations": {"seen": "yes"}}}
        client.patch(kind, "a", patch, patch_type=PatchType.MERGE)
        assert now(api)["metadata"]["labels"] == {"tier": "y"}
        assert now(api)["metadata"]["annotations"] == {"seen": "yes"}
        scale = {"spec": {"replicas": 6}}
        client.patch(kind.Scale, "a", scale, patch_type=PatchType.MERGE)
        assert now(api)["spec"] == {"size": 6}
        (event,) = client.list(Event, fields={"involvedObject.name": "a"})
        assert event.reason == "Shrunk"


@pytest.mark.client("lightkube")
@pytest.mark.verb("wait --for=condition", "get -w (selectors)")
def test_lightkube_waits_and_watches_what_is_selected(api: Api, kubeconfig: Path) -> None:
    kind = lightkube_kind()
    timers = [soon(lambda: be_ready(api))]
    with lightkube_client(kubeconfig) as client:
        client.wait(kind, "a", for_conditions=["Ready"])
        timers += make_two_soon(api)
        with closing(client.watch(kind, labels={"tier": "y"})) as events:
            _, found = next(iter(events))
    end(timers)
    assert found.metadata.name == "c"


@pytest.mark.client("lightkube")
@pytest.mark.verb(
    "create --dry-run=server",
    "delete --all",
    "delete (what it owns)",
    "delete --cascade=orphan (what it owns)",
)
def test_lightkube_deletes(api: Api, kubeconfig: Path) -> None:
    kind = lightkube_kind()
    own(api)
    with lightkube_client(kubeconfig) as client:
        client.create(kind(metadata={"name": "c"}, spec={"size": 1}), dry_run=True)
        client.delete(kind, "a", cascade=CascadeType.ORPHAN)
        eventually(lambda: names(api) == ["b", "child"])
        own(api, "grandchild", owner="child")
        client.delete(kind, "child")
        eventually(lambda: names(api) == ["b"])
        client.deletecollection(kind)
        assert names(api) == []


# --- the official client -------------------------------------------------------------------------


@pytest.mark.client("kubernetes")
@pytest.mark.verb(
    "get -l", "get --field-selector", "patch --type=json", "label", "annotate", "scale"
)
def test_the_official_client_selects_changes_and_scales(api: Api, kubeconfig: Path) -> None:
    with kubernetes_client(kubeconfig) as connection:
        custom = kube.client.CustomObjectsApi(connection)
        listed = custom.list_namespaced_custom_object(*WIDGETS, label_selector="tier=x")
        assert [each["metadata"]["name"] for each in listed["items"]] == ["a"]
        listed = custom.list_namespaced_custom_object(*WIDGETS, field_selector="metadata.name=b")
        assert [each["metadata"]["name"] for each in listed["items"]] == ["b"]
        custom.patch_namespaced_custom_object(
            *WIDGETS, "a", SIZE_4, _content_type="application/json-patch+json"
        )
        assert now(api)["spec"] == {"size": 4}
        patch = {"metadata": {"labels": {"tier": "y"}, "annotations": {"seen": "yes"}}}
        custom.patch_namespaced_custom_object(*WIDGETS, "a", patch)
        assert now(api)["metadata"]["labels"] == {"tier": "y"}
        assert now(api)["metadata"]["annotations"] == {"seen": "yes"}
        scale = {"spec": {"replicas": 6}}
        custom.patch_namespaced_custom_object_scale(*WIDGETS, "a", scale)
        found = custom.get_namespaced_custom_object_scale(*WIDGETS, "a")
        assert found["spec"] == {"replicas": 6}
        assert now(api)["spec"] == {"size": 6}


@pytest.mark.client("kubernetes")
@pytest.mark.verb("get -w (selectors)", "create --dry-run=server", "events")
def test_the_official_client_watches_and_reports(api: Api, kubeconfig: Path) -> None:
    with kubernetes_client(kubeconfig) as connection:
        custom, core = kube.client.CustomObjectsApi(connection), kube.client.CoreV1Api(connection)
        custom.create_namespaced_custom_object(*WIDGETS, widget("never"), dry_run="All")
        timers = make_two_soon(api)
        stream = kube.watch.Watch()
        listing = custom.list_namespaced_custom_object
        options = {"label_selector": "tier=y", "timeout_seconds": 20}
        seen = []
        for event in stream.stream(listing, *WIDGETS, **options):
            seen.append(event["object"]["metadata"]["name"])
            stream.stop()
        end(timers)
        assert seen == ["c"]

        reference = kube.client.V1ObjectReference(kind="Widget", name="a", namespace="default")
        metadata = kube.client.V1ObjectMeta(generate_name="a-")
        body = kube.client.CoreV1Event(
            metadata=metadata, involved_object=reference, reason="Grown", message="to 2"
        )
        core.create_namespaced_event("default", body)
        about_a = "involvedObject.name=a"
        (found,) = core.list_namespaced_event("default", field_selector=about_a).items
        assert (found.reason, found.message) == ("Grown", "to 2")


@pytest.mark.client("kubernetes")
@pytest.mark.verb(
    "apply --server-side",
    "delete -l",
    "delete (what it owns)",
    "delete --cascade=orphan (what it owns)",
)
def test_the_official_client_applies_and_deletes(api: Api, kubeconfig: Path) -> None:
    own(api)
    with kubernetes_client(kubeconfig) as connection:
        dynamic = kube.dynamic.DynamicClient(connection)
        widgets = dynamic.resources.get(api_version=API_VERSION, kind="Widget")
        applied = widget("c", size=3)
        widgets.server_side_apply(applied, name="c", namespace="default", field_manager="tests")
        assert now(api, "c")["spec"] == {"size": 3}

        custom = kube.client.CustomObjectsApi(connection)
        custom.delete_namespaced_custom_object(*WIDGETS, "a", propagation_policy="Orphan")
        eventually(lambda: names(api) == ["b", "c", "child"])
        own(api, "grandchild", owner="child")
        custom.delete_namespaced_custom_object(*WIDGETS, "child")
        eventually(lambda: names(api) == ["b", "c"])
        make(api, "d", labels={"tier": "y"})
        custom.delete_collection_namespaced_custom_object(*WIDGETS, label_selector="tier=y")
        assert names(api) == ["b", "c"]
