"""The whole operator in one process: git, embedded API, kopf, queue and passes, on the toy kind."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from support.git import Repository
from support.running import Running, eventually
from support.toy import Gauges

from desired_state.objects import API_VERSION, ObjectRef
from swarmkeeper.controller import controller as controller_module

REF = ObjectRef("Gauge", "a")
WHOLE = ["Intended", "Succeeded"]


def gauge(value: object) -> str:
    return (
        "apiVersion: swarmkeeper.dev/v1alpha1\nkind: Gauge\nmetadata: {name: a}\n"
        f"spec: {{value: {value}, interval: 1h, healthyDelay: 0s}}\n"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def running(tmp_path: Path, repository: Repository) -> Iterator[Running]:
    repository.commit(gauges=gauge(1))
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    operator = Running(tmp_path, Gauges(), git=repository.url, webhook_secret_file=secret).start()
    eventually(lambda: operator.gauges.values == {"a": 1})
    yield operator
    operator.stop()


def push(running: Running, body: bytes = b"{}", secret: bytes = b"s3cret") -> int:
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()

    async def post() -> int:
        async with aiohttp.ClientSession() as session:
            url = f"{running.operator.url}/hooks/git"
            headers = {"X-Hub-Signature-256": signature}
            context = ssl.create_default_context(cafile=running.settings.data_dir / "api.crt")
            async with session.post(url, data=body, headers=headers, ssl=context) as answer:
                return answer.status

    return asyncio.run(post())


def fetch(running: Running, path: str) -> tuple[int, str]:
    async def get() -> tuple[int, str]:
        async with aiohttp.ClientSession() as session:
            context = ssl.create_default_context(cafile=running.settings.data_dir / "api.crt")
            async with session.get(running.operator.url + path, ssl=context) as answer:
                return answer.status, await answer.text()

    return asyncio.run(get())


def fetch_with_limit(running: Running, longest: float) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controller_module, "LONGEST_PASS", longest)
        time.sleep(2 * longest)
        return fetch(running, "/readyz")


def test_a_push_with_a_signed_hook_is_in_force_at_once(
    running: Running, repository: Repository
) -> None:
    repository.commit(gauges=gauge(2))

    assert push(running, secret=b"guess") == 401
    assert running.gauges.values == {"a": 1}
    assert push(running) == 202
    eventually(lambda: running.gauges.values == {"a": 2})


def test_a_movement_in_the_world_causes_a_look(running: Running) -> None:
    eventually(lambda: running.ready() == "True")
    running.gauges.values["a"] = 99

    running.watcher.on_signals({"gauge/other"})
    running.watcher.on_signals({"gauge/a"})

    eventually(lambda: running.gauges.values == {"a": 1})


def test_a_gap_in_the_events_causes_a_look_at_everything(running: Running) -> None:
    eventually(lambda: running.ready() == "True")
    running.gauges.values["a"] = 99

    running.watcher.on_gap()

    eventually(lambda: running.gauges.values == {"a": 1})


def test_an_annotation_causes_a_look_and_is_acknowledged(running: Running) -> None:
    eventually(lambda: running.ready() == "True")
    running.gauges.values["a"] = 99

    running.operator.objects.patch(
        REF, {"metadata": {"annotations": {"swarmkeeper.dev/requested-at": "x"}}}, actor="ada"
    )

    eventually(lambda: running.gauges.values == {"a": 1})
    status = (running.operator.objects.get(REF) or {})["status"]
    eventually(lambda: status.get("lastHandledReconcileAt", "x") == "x")


def test_an_annotation_on_the_source_fetches_now(running: Running, repository: Repository) -> None:
    repository.commit(gauges=gauge(4))

    running.operator.objects.patch(
        ObjectRef("GitRepository", "desired-state"),
        {"metadata": {"annotations": {"swarmkeeper.dev/requested-at": "x"}}},
        actor="ada",
    )

    eventually(lambda: running.gauges.values == {"a": 4})


def test_an_object_made_by_a_client_is_kept_like_any_other(running: Running) -> None:
    running.operator.objects.create(
        {
            "apiVersion": API_VERSION,
            "kind": "Gauge",
            "metadata": {"name": "b"},
            "spec": {"value": 7},
        },
        actor="ada",
    )

    eventually(lambda: running.gauges.values.get("b") == 7)


def test_a_world_at_rest_causes_no_write(running: Running) -> None:
    eventually(lambda: running.ready() == "True" and not len(running.controller))
    time.sleep(0.3)
    before = running.operator.objects.store.revision

    running.watcher.on_gap()
    eventually(lambda: not len(running.controller))
    time.sleep(0.2)

    assert running.operator.objects.store.revision == before


def test_ready_goes_red_when_nothing_is_reconciled_though_it_should_be(running: Running) -> None:
    eventually(lambda: running.ready() == "True")
    assert fetch(running, "/readyz") == (200, "ok")
    stuck = threading.Event()

    def hang() -> None:
        stuck.wait(60)

    running.gauges.before_write = hang
    running.gauges.values["a"] = 99
    running.watcher.on_gap()
    eventually(lambda: running.controller._queue.longest_pass() > 0)

    status, text = fetch_with_limit(running, 0.01)
    stuck.set()

    assert status == 500
    assert text.startswith("a pass has not ended for")


def test_a_restart_takes_up_where_it_was(tmp_path: Path, repository: Repository) -> None:
    repository.commit(gauges=gauge(1))
    gauges = Gauges()
    first = Running(tmp_path, gauges, git=repository.url).start()
    eventually(lambda: first.ready() == "True")
    first.stop()
    gauges.values["a"] = 50

    second = Running(tmp_path, gauges, git=repository.url).start()

    trail = second.term.deps.trail
    eventually(lambda: [record.entry for record in trail.records()] == WHOLE * 2)
    assert gauges.values == {"a": 1}
    second.stop()


def test_what_goes_on_beside_the_passes_ends_with_the_operator(running: Running) -> None:
    assert not running.closed.is_set()

    running.stop()

    assert running.closed.is_set()


def test_a_second_operator_on_the_same_data_stands_by_and_follows(
    running: Running, tmp_path: Path
) -> None:
    eventually(lambda: running.ready() == "True")
    other = Running(tmp_path, running.gauges, git=running.settings.git).start()

    assert other.operator.term is None
    assert fetch(other, "/readyz") == (200, "ok: standing by, another operator acts")
    assert other.ready() == "True"
    assert running.operator.url in running.settings.kubeconfig_path.read_text()
    running.gauges.values["a"] = 50
    running.watcher.on_gap()
    trail = running.term.deps.trail
    eventually(lambda: [record.entry for record in trail.records()] == WHOLE * 2)
    running.stop()
    eventually(lambda: other.operator.term is not None)
    eventually(lambda: other.operator.url in running.settings.kubeconfig_path.read_text())
    other.gauges.values["a"] = 51
    other.watcher.on_gap()
    eventually(lambda: other.gauges.values == {"a": 1})
    other.stop()


def test_the_kubeconfig_is_private_and_points_at_the_api(running: Running) -> None:
    path = running.settings.kubeconfig_path

    assert running.operator.url in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
