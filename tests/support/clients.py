"""Client libraries, connected by a kubeconfig."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import kr8s.asyncio
import kubernetes
import lightkube
from lightkube.config.kubeconfig import KubeConfig

from support.api import Api
from support.widget_objects import make

GROUP, VERSION = "swarmkeeper.dev", "v1alpha1"
_kube: Any = kubernetes  # its own types are not of much help


@asynccontextmanager
async def kr8s_client(kubeconfig: Path) -> AsyncIterator[Any]:
    """kr8s."""
    client: Any = await kr8s.asyncio.api(kubeconfig=str(kubeconfig))
    try:
        yield client
    finally:
        await client._session.aclose()  # it has no way of its own to end a connection


def lightkube_client(kubeconfig: Path) -> Any:
    """lightkube; a context."""
    return lightkube.Client(config=KubeConfig.from_file(kubeconfig).get())


@contextmanager
def kubernetes_client(kubeconfig: Path) -> Iterator[Any]:
    """The connection of the official client."""
    with _kube.config.new_client_from_config(str(kubeconfig)) as connection:
        yield connection


def make_soon(api: Api, name: str, **metadata: Any) -> threading.Timer:
    """Makes a widget a little later."""
    timer = threading.Timer(0.3, make, (api, name), metadata)
    timer.start()
    return timer
