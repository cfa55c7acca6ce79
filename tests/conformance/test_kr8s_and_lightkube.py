"""kr8s and lightkube against the embedded API: list, watch, patch, apply."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from kr8s.objects import new_class
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType
from support.api import Api
from support.clients import GROUP, VERSION, kr8s_client, lightkube_client, make_soon
from support.widget_objects import make, now

TIMEOUT = 20.0


@pytest.fixture
def api(api: Api) -> Api:
    """With one widget."""
    make(api, labels={"tier": "x"})
    return api


@pytest.mark.client("kr8s")
@pytest.mark.verb(
    "get", "get -l", "patch --type=merge", "patch --subresource=status", "label", "delete"
)
def test_kr8s_lists_and_patches(api: Api, kubeconfig: Path) -> None:
    kind: Any = new_class("Widget", version=f"{GROUP}/{VERSION}", namespaced=True, asyncio=True)

    async def run() -> None:
        async with kr8s_client(kubeconfig) as client:
            (found,) = [w async for w in kind.list(api=client, label_selector="tier=x")]
            await found.patch({"spec": {"size": 4}})
            await found.patch({"status": {"phase": "Done"}}, subresource="status")
            await found.label(colour="red")
            assert (now(api)["spec"], now(api)["status"]) == ({"size": 4}, {"phase": "Done"})
            assert now(api)["metadata"]["labels"] == {"tier": "x", "colour": "red"}
            assert [each.name async for each in client.get("widgets")] == ["a"]
            await found.delete()
            assert not await found.exists()

    asyncio.run(run())


@pytest.mark.client("kr8s")
@pytest.mark.verb("get -w")
def test_kr8s_watches(api: Api, kubeconfig: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def run() -> None:
        async with kr8s_client(kubeconfig) as client, aclosing(client.watch("widgets")) as events:
            async for type_, obj in events:
                seen.append((type_, obj.name))
                if obj.name == "b":
                    return

    timer = make_soon(api, "b")
    asyncio.run(run())
    timer.join(TIMEOUT)
    assert seen[-1] == ("ADDED", "b")


@pytest.mark.client("lightkube")
@pytest.mark.verb(
    "create",
    "get",
    "get -l",
    "replace",
    "delete",
    "patch --type=merge",
    "patch --subresource=status",
    "apply --server-side",
    "apply --server-side (conflicts)",
)
def test_lightkube_lists_patches_and_applies(api: Api, kubeconfig: Path) -> None:
    kind: Any = create_namespaced_resource(GROUP, VERSION, "Widget", "widgets")
    with lightkube_client(kubeconfig) as client:
        use_lightkube(api, client, kind)


def use_lightkube(api: Api, client: Any, kind: Any) -> None:
    client.create(kind(metadata={"name": "c"}, spec={"size": 1}))
    found = client.get(kind, "c")
    client.replace(found)
    client.delete(kind, "c")
    (found,) = client.list(kind, labels={"tier": "x"})
    assert found.metadata.name == "a"
    client.patch(kind, "a", {"spec": {"size": 4}}, patch_type=PatchType.MERGE)
    client.patch(kind.Status, "a", {"status": {"phase": "Done"}}, patch_type=PatchType.MERGE)
    assert (now(api)["spec"], now(api)["status"]) == ({"size": 4}, {"phase": "Done"})

    client.apply(kind(metadata={"name": "b"}, spec={"size": 1}), field_manager="one")
    with pytest.raises(ApiError) as caught:
        client.apply(kind(metadata={"name": "b"}, spec={"size": 2}), field_manager="two")
    assert caught.value.status.code == 409
    client.apply(kind(metadata={"name": "b"}, spec={"size": 2}), field_manager="two", force=True)
    assert now(api, "b")["spec"] == {"size": 2}


@pytest.mark.client("lightkube")
@pytest.mark.verb("get -w")
def test_lightkube_watches(api: Api, kubeconfig: Path) -> None:
    kind: Any = create_namespaced_resource(GROUP, VERSION, "Widget", "widgets")
    timer = make_soon(api, "b")

    seen = []
    with lightkube_client(kubeconfig) as client, closing(client.watch(kind)) as events:
        for type_, obj in events:
            seen.append((type_, obj.metadata.name))
            if obj.metadata.name == "b":
                break

    timer.join(TIMEOUT)
    assert seen[-1] == ("ADDED", "b")
