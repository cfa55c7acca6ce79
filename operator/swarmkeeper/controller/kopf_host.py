"""Hosts kopf against the embedded API: it watches, and says *look again*; passes decide the rest.

kopf's handlers are triggered by changes (its author says so in docs/critiques.rst), so the only one
used is `on.event`, and all that it does is to hand a key to the work queue.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import kopf

from desired_state.objects import DEFAULT_NAMESPACE, GROUP, VERSION, JsonObject, ObjectRef
from desired_state.scheme import Scheme

OnChange = Callable[[ObjectRef, JsonObject, bool], None]
"""Called with the object's reference, its body and whether it is gone."""


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """How to reach the API.

    Attributes:
        server: URL.
        token: bearer token.
        authority: file with the certificate to trust.
    """

    server: str
    token: str = field(repr=False)
    authority: Path


class KopfHost:
    """One kopf operator in the running event loop.

    Args:
        access: how to reach the API.
        scheme: the kinds to watch.
        on_change: called for every change of an object, and once for each at the start.
    """

    def __init__(self, access: ApiAccess, scheme: Scheme, on_change: OnChange) -> None:
        self._access = access
        self._on_change = on_change
        self._registry = kopf.OperatorRegistry()
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self._register(scheme)

    async def run(self) -> None:
        """Runs until `stop`; kopf reconnects by itself when the API restarts."""
        await kopf.operator(
            registry=self._registry,
            settings=_settings(),
            standalone=True,
            clusterwide=True,
            ready_flag=self._ready,
            stop_flag=self._stop,
        )

    async def wait_ready(self, running: asyncio.Task[None]) -> None:
        """Waits until kopf is up, or has ended before it was.

        Args:
            running: the task that runs it.
        """
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait([ready, running], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    def stop(self) -> None:
        """Lets `run` return."""
        self._stop.set()

    def _register(self, scheme: Scheme) -> None:
        @kopf.on.login(registry=self._registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(
                server=self._access.server,
                ca_path=str(self._access.authority),
                token=self._access.token,
                scheme="Bearer",
            )

        for kind in scheme:
            self._watch(kind.name, kind.plural)

    def _watch(self, kind: str, plural: str) -> None:
        @kopf.on.event(GROUP, VERSION, plural, registry=self._registry, id=f"look-{plural}")
        async def look(name: str, namespace: str | None, body: kopf.Body, **others: Any) -> None:
            gone = others["type"] == "DELETED"
            self._on_change(ObjectRef(kind, name, namespace or DEFAULT_NAMESPACE), dict(body), gone)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.queueing.idle_timeout = 1
    settings.watching.server_timeout = 600
    settings.watching.client_timeout = 660
    settings.networking.error_backoffs = _Endless()
    settings.persistence.diffbase_storage = _NoDiffs()
    for name in ("kopf", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return settings


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps no earlier state: `on.event` handlers get no diff, but kopf would make one for each event."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        del body, extra_fields
        return cast(kopf.BodyEssence, {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        del body, patch, essence


class _Endless:
    """Short delays without end: a restart of the API must never end a watcher."""

    def __iter__(self) -> Any:
        return itertools.chain((0.1, 0.2, 0.5, 1.0), itertools.repeat(2.0))
