"""Real kopf, unmodified, on the embedded API."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest
from support.api import Api, running_api
from support.widgets import widget

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.apiserver.certificates import ServerCertificate
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM
from swarmkeeper.apiserver.server import ServerOptions

pytestmark = pytest.mark.integration

A = ObjectRef("Widget", "a")
TIMEOUT = 20.0
RESOURCE = ("swarmkeeper.dev", "v1alpha1", "widgets")


@pytest.fixture(params=["http", "https"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    certificate = ServerCertificate.in_folder(tmp_path) if request.param == "https" else None
    with running_api(options=ServerOptions(certificate=certificate)) as api:
        yield api


def registry_for(api: Api, folder: Path) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    authority = folder / "api.crt"

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=api.url,
            ca_path=str(authority) if authority.exists() else None,
            scheme="Bearer",
            token=api.tokens.operator,
        )

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.level = 0
        settings.persistence.finalizer = "tests/kopf"

    return registry


@contextmanager
def operator(registry: kopf.OperatorRegistry) -> Iterator[None]:
    """Runs kopf on a thread until the block ends."""
    ready, stop = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        await kopf.operator(
            registry=registry,
            ready_flag=ready,
            stop_flag=stop,
            clusterwide=True,
            standalone=True,
        )
        await asyncio.sleep(0.1)  # kopf's client says goodbye to TLS

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(TIMEOUT), failures
        yield
    finally:
        stop.set()
        thread.join(TIMEOUT)
    assert failures == []


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
    return value


def get(api: Api, *path: str) -> Any:
    value: Any = api.resources.get(A)
    for part in path:
        value = (value or {}).get(part)
    return value


def test_handlers_status_and_events(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    seen: list[tuple[str | None, str]] = []

    @kopf.on.event(*RESOURCE, registry=registry)
    def note(event: Any, name: str, **_: Any) -> None:
        seen.append((event["type"], name))

    @kopf.on.create(*RESOURCE, registry=registry, id="create")
    def create(body: kopf.Body, patch: kopf.Patch, spec: kopf.Spec, **_: Any) -> JsonObject:
        kopf.info(body, reason="Grown", message="from nothing")
        patch.status["size"] = spec["size"]
        return {"answer": 42}

    @kopf.on.update(*RESOURCE, registry=registry)
    def update(patch: kopf.Patch, spec: kopf.Spec, **_: Any) -> None:
        patch.status["size"] = spec["size"]

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        until(lambda: get(api, "status", "size") == 1)
        assert get(api, "status", "create") == {"answer": 42}
        api.resources.patch(A, {"spec": {"size": 2}}, actor=PROGRAM)
        until(lambda: get(api, "status", "size") == 2)
        events = until(lambda: [e for e in api.resources.list("Event") if e["reason"] == "Grown"])
        assert events[0]["involvedObject"]["uid"] == get(api, "metadata", "uid")
        api.resources.delete(A, actor=PROGRAM)
        until(lambda: ("DELETED", "a") in seen)

    assert api.resources.get(A) is None


def test_daemons_and_timers_hold_the_object_with_a_finalizer(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    ticks: list[float] = []
    stopped = threading.Event()

    @kopf.timer(*RESOURCE, registry=registry, interval=0.1)
    def tick(patch: kopf.Patch, **_: Any) -> None:
        ticks.append(time.monotonic())
        patch.status["ticks"] = len(ticks)

    @kopf.daemon(*RESOURCE, registry=registry, cancellation_timeout=5)
    async def wait(stopped: Any, **_: Any) -> None:
        await stopped.wait()
        done.set()

    done = stopped
    # Objects that git declares are kopf's to finalize and to report on, too.
    api.resources.create(widget(annotations={ORIGIN: "a.yaml:1@3f2a91c"}), actor=PROGRAM)
    with operator(registry):
        until(lambda: get(api, "metadata", "finalizers") == ["tests/kopf"])
        until(lambda: (get(api, "status", "ticks") or 0) >= 3)
        api.resources.delete(A, actor=PROGRAM)
        until(lambda: api.resources.get(A) is None)

    assert stopped.is_set()


def test_a_delete_handler_runs_before_the_object_is_gone(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    deleted: list[str] = []

    @kopf.on.delete(*RESOURCE, registry=registry)
    def delete(name: str, **_: Any) -> None:
        if not deleted:
            deleted.append(name)
            raise kopf.TemporaryError("once more", delay=0.1)

    api.resources.create(widget(), actor=PROGRAM)
    with operator(registry):
        until(lambda: get(api, "metadata", "finalizers"))
        api.resources.delete(A, actor=PROGRAM)
        until(lambda: api.resources.get(A) is None)

    assert deleted == ["a"]


def test_an_expired_watch_lists_again(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    seen: set[str] = set()

    @kopf.on.startup(registry=registry)
    def hurry(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.watching.server_timeout = 1
        settings.watching.reconnect_backoff = 0.05

    @kopf.on.event(*RESOURCE, registry=registry)
    def note(name: str, **_: Any) -> None:
        seen.add(name)

    with operator(registry):
        for number in range(15):
            api.resources.create(widget(f"w{number}"), actor=PROGRAM)
            api.resources.store.compact(api.resources.store.revision)
            time.sleep(0.1)
        until(lambda: len(seen) == 15)
