"""Real kopf, unmodified, on the embedded API."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import kopf
import pytest
from support.api import Api
from support.widgets import widget

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.apiserver.origin import ORIGIN, PROGRAM

pytestmark = pytest.mark.client("kopf")

A = ObjectRef("Widget", "a")
TIMEOUT = 20.0
RESOURCE = ("swarmkeeper.dev", "v1alpha1", "widgets")


def registry_for(api: Api, folder: Path) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    authority = folder / "authority.crt"
    authority.write_bytes(api.authority)

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=api.url,
            ca_path=str(authority),
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


def has(api: Api, value: Any, *path: str) -> bool:
    return bool(get(api, *path) == value)


def get(api: Api, *path: str) -> Any:
    value: Any = api.resources.get(A)
    for part in path:
        value = (value or {}).get(part)
    return value


@pytest.mark.verb("kopf.on.event", "kopf.on.create", "kopf.on.update", "kopf.info")
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


@pytest.mark.verb("kopf.timer", "kopf.daemon")
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


@pytest.mark.verb("kopf.on.delete", "kopf.TemporaryError")
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


@pytest.mark.verb("get -w")
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


@pytest.mark.verb("kopf.on.resume")
def test_objects_that_were_there_before_are_resumed(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)

    @kopf.on.create(*RESOURCE, registry=registry, id="come")
    @kopf.on.resume(*RESOURCE, registry=registry, id="come")
    def come(patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
        patch.status["times"] = status.get("times", 0) + 1

    api.resources.create(widget(), actor=PROGRAM)
    for times in (1, 2):
        with operator(registry):
            until(partial(has, api, times, "status", "times"))


@pytest.mark.verb("kopf.on.update (diff)", "kopf.on.field")
def test_handlers_are_told_what_changed(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)

    @kopf.on.update(*RESOURCE, registry=registry)
    def update(patch: kopf.Patch, diff: kopf.Diff, **_: Any) -> None:
        patch.status["diff"] = [[op, list(path), old, new] for op, path, old, new in diff]

    @kopf.on.field(*RESOURCE, field="spec.size", registry=registry)
    def grow(patch: kopf.Patch, old: Any, new: Any, **_: Any) -> None:
        patch.status["grown"] = [old, new]

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        until(lambda: get(api, "status", "grown") == [None, 1])
        api.resources.patch(A, {"spec": {"size": 2}}, actor=PROGRAM)
        until(lambda: get(api, "status", "grown") == [1, 2])
        until(lambda: get(api, "status", "diff") == [["change", ["spec", "size"], 1, 2]])


@pytest.mark.verb("kopf.on.update (diff)")
def test_what_changed_while_the_operator_was_down_is_handled(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)

    @kopf.on.create(*RESOURCE, registry=registry)
    def create(patch: kopf.Patch, **_: Any) -> None:
        patch.status["made"] = True

    @kopf.on.update(*RESOURCE, registry=registry)
    def update(patch: kopf.Patch, old: Any, new: Any, **_: Any) -> None:
        patch.status["sizes"] = [old["spec"]["size"], new["spec"]["size"]]

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        until(lambda: get(api, "status", "made"))
        until(lambda: "last-handled" in str(get(api, "metadata", "annotations")))
    api.resources.patch(A, {"spec": {"size": 5}}, actor=PROGRAM)
    with operator(registry):
        until(lambda: get(api, "status", "sizes") == [1, 5])


@pytest.mark.verb("kopf.index")
def test_indexes_follow_the_objects(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    seen: list[set[str]] = []

    @kopf.index(*RESOURCE, registry=registry, id="by_size")
    def by_size(name: str, spec: kopf.Spec, **_: Any) -> dict[int, str]:
        return {spec["size"]: name}

    @kopf.timer(*RESOURCE, registry=registry, interval=0.1)
    def look(**given: Any) -> None:
        seen.append({name for names in given["by_size"].values() for name in names})

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        until(lambda: seen and seen[-1] == {"a"})
        api.resources.create(widget("b", size=2), actor=PROGRAM)
        until(lambda: seen[-1] == {"a", "b"})
        api.resources.delete(ObjectRef("Widget", "b"), actor=PROGRAM)
        until(lambda: seen[-1] == {"a"})


@pytest.mark.verb("kopf.PermanentError")
def test_a_permanent_error_is_not_tried_again(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    tries: list[int] = []

    @kopf.on.create(*RESOURCE, registry=registry)
    def create(retry: int, **_: Any) -> None:
        tries.append(retry)
        raise kopf.PermanentError("never")

    @kopf.on.update(*RESOURCE, registry=registry, id="update")
    def update(**_: Any) -> str:
        return "done"

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        until(lambda: "last-handled" in str(get(api, "metadata", "annotations")))
        api.resources.patch(A, {"spec": {"size": 2}}, actor=PROGRAM)
        until(lambda: get(api, "status", "update") == "done")

    assert tries == [0]


@pytest.mark.verb("kopf.daemon (stopped by a filter)")
def test_a_daemon_stops_when_the_object_is_no_longer_its_own(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)
    phases: list[str] = []

    @kopf.daemon(*RESOURCE, registry=registry, labels={"run": "yes"}, cancellation_timeout=5)
    async def wait(stopped: Any, **_: Any) -> None:
        phases.append("up")
        await stopped.wait()
        phases.append("down")

    with operator(registry):
        api.resources.create(widget(labels={"run": "yes"}), actor=PROGRAM)
        until(lambda: phases == ["up"])
        api.resources.patch(A, {"metadata": {"labels": {"run": "no"}}}, actor=PROGRAM)
        until(lambda: phases == ["up", "down"])
        until(lambda: not get(api, "metadata", "finalizers"))


@pytest.mark.verb("kopf.append_owner_reference")
def test_owners_are_noted(api: Api, tmp_path: Path) -> None:
    registry = registry_for(api, tmp_path)

    @kopf.on.create(*RESOURCE, registry=registry, annotations={"child": kopf.ABSENT})
    def create(body: kopf.Body, **_: Any) -> None:
        child = widget("child", annotations={"child": "yes"})
        kopf.append_owner_reference(child, owner=body)
        api.resources.create(child, actor=PROGRAM)

    with operator(registry):
        api.resources.create(widget(), actor=PROGRAM)
        child = until(lambda: api.resources.get(ObjectRef("Widget", "child")))

    (owner,) = child["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Widget", "a")
    assert owner["uid"] == get(api, "metadata", "uid")
