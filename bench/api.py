"""How fast the API answers: lists, status writes, and watches, over HTTP, in a process of its own.

    python bench/api.py [--objects 5000] [--watchers 50] [--store postgresql://user@host/database]

- list: all objects, one request after the other, in turns with a plain aiohttp handler in the same
  process that returns the same bytes;
- patch: `PATCH .../status` by 32 clients at once, each acknowledged when it is on disk;
- fan-out: from the moment that a client sends a PATCH to the moment that each of the watchers has the
  event, at 20 writes a second.

The store is SQLite on disk, synced at every commit, or the Postgres database that is named. TLS is left
out on both sides: it costs the same for any server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

SERVICES = "/apis/swarmkeeper.dev/v1alpha1/namespaces/default/swarmservices"
MERGE = {"Content-Type": "application/merge-patch+json"}
CLIENTS = 32
SECONDS = 5.0
LISTS = 100
WRITES = 100
PAUSE = 0.05


def main() -> None:
    """Measures and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--store", default="")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(serve(options))
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--objects", str(options.objects), "--store", options.store, "--child", folder]
        command = [sys.executable, __file__, *arguments]
        with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            asyncio.run(measure(options, **started))
            process.communicate("")


async def serve(options: argparse.Namespace) -> None:
    """Serves the objects, and beside it their list as plain bytes, until the parent is done."""
    from desired_state.scheme import Scheme  # noqa: PLC0415
    from reconcilers.swarm_service.reconciler import KIND  # noqa: PLC0415 - the parent needs none of it
    from swarmkeeper.apiserver.access import Tokens  # noqa: PLC0415
    from swarmkeeper.apiserver.resources import Resources  # noqa: PLC0415
    from swarmkeeper.apiserver.server import ApiServer  # noqa: PLC0415
    from swarmkeeper.store.audit_reads import AuditReader  # noqa: PLC0415
    from swarmkeeper.store.opening import Place  # noqa: PLC0415
    from swarmkeeper.store.sql_objects import SqlObjectStore  # noqa: PLC0415

    database = Place(options.child, options.store, None).open()
    resources = Resources(SqlObjectStore(database), Scheme([KIND]))
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: _ensure(resources, n), range(options.objects)))
    tokens = Tokens.generate()
    api = ApiServer(resources, AuditReader(database), tokens=tokens)
    url = await api.start()
    async with plain(url, tokens.admin) as beside:
        print(json.dumps({"url": url, "beside": beside, "token": tokens.admin}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await api.stop()
    database.close()


@contextlib.asynccontextmanager
async def plain(url: str, token: str) -> AsyncIterator[str]:
    """A handler that does nothing but return the bytes of the list."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + SERVICES, headers=headers) as r,
    ):
        body = await r.read()

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def measure(options: argparse.Namespace, url: str, beside: str, token: str) -> None:
    """Asks the servers and prints what came of it."""
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout) as http:
        ours, bare = await lists(http, url + SERVICES, beside)
        print(f"list of {options.objects}, ms       p50     p99")
        print(f"  plain handler      {figures(bare)}")
        print(f"  API                {figures(ours)}")
        print(f"  ratio of medians   {statistics.median(ours) / statistics.median(bare):7.2f}")
        print(
            f"PATCH status by {CLIENTS} clients: {await patches(http, url, options.objects):.0f} a second"
        )
        late = await fan_out(http, url, options.watchers)
        print(f"fan-out to {options.watchers} watchers, ms p50, p99: {figures(late)}")


async def lists(
    http: aiohttp.ClientSession, api: str, beside: str
) -> tuple[list[float], list[float]]:
    """Times of lists in seconds, from both in turns."""
    times: dict[str, list[float]] = {api: [], beside: []}
    for _ in range(LISTS + 5):
        for url, kept in times.items():
            began = time.perf_counter()
            async with http.get(url) as response:
                await response.read()
                assert response.status == 200
            kept.append(time.perf_counter() - began)
    return times[api][5:], times[beside][5:]


async def patches(http: aiohttp.ClientSession, url: str, objects: int) -> float:
    """Status writes a second."""
    done = 0
    end = time.perf_counter() + SECONDS

    async def write(client: int) -> None:
        nonlocal done
        number = client
        while time.perf_counter() < end:
            await patch(http, url, number % objects, f"{client}-{number}")
            done += 1
            number += CLIENTS

    await asyncio.gather(*(write(client) for client in range(CLIENTS)))
    return done / SECONDS


async def fan_out(http: aiohttp.ClientSession, url: str, watchers: int) -> list[float]:
    """Seconds from a write to each watcher's event."""
    sent: dict[bytes, float] = {}
    late: list[float] = []
    ready: asyncio.Queue[int] = asyncio.Queue()
    watching = [asyncio.create_task(watch(http, url, sent, late, ready)) for _ in range(watchers)]
    for _ in watching:
        await ready.get()
    for number in range(WRITES):
        mark = f"mark-{number:05}"
        sent[mark.encode()] = time.perf_counter()
        await patch(http, url, number, mark)
        await asyncio.sleep(PAUSE)
    await asyncio.sleep(1)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    assert len(late) == watchers * WRITES, f"{len(late)} events came"
    return late


async def watch(
    http: aiohttp.ClientSession,
    url: str,
    sent: dict[bytes, float],
    late: list[float],
    ready: asyncio.Queue[int],
) -> None:
    """One watcher: notes when each marked event comes."""
    async with http.get(f"{url}{SERVICES}?limit=1") as response:
        revision = (await response.json())["metadata"]["resourceVersion"]
    async with http.get(f"{url}{SERVICES}?watch=1&resourceVersion={revision}") as response:
        ready.put_nowait(1)
        async for line in response.content:
            at = line.find(b"mark-")
            if at >= 0:
                late.append(time.perf_counter() - sent[line[at : at + 10]])


async def patch(http: aiohttp.ClientSession, url: str, number: int, mark: str) -> None:
    """Writes the status of one object."""
    body = json.dumps({"status": {"mark": mark}})
    path = f"{url}{SERVICES}/web-{number}/status"
    async with http.patch(path, data=body, headers=MERGE) as response:
        await response.read()
        assert response.status == 200, await response.text()


def figures(seconds: Sequence[float]) -> str:
    """The median and the 99th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"{statistics.median(seconds) * 1000:7.1f} {cuts[98] * 1000:7.1f}"


def _ensure(resources: Any, number: int) -> None:
    """An object as the operator keeps it, with a status of usual size."""
    from desired_state.objects import ObjectRef  # noqa: PLC0415

    ref = ObjectRef("SwarmService", f"web-{number}")
    if resources.get(ref) is None:
        spec = {
            "image": f"registry.example.org/web:1.{number}",
            "replicas": 2,
            "env": {"LEVEL": "info"},
        }
        body = {"kind": "SwarmService", "metadata": {"name": ref.name}, "spec": spec}
        resources.create(body, actor="swarmkeeper")
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": "InSync",
            "message": "as declared",
            "lastTransitionTime": "2025-01-01T00:00:00Z",
        }
        for type_ in ("Ready", "Healthy", "Converged")
    ]
    status = {"observedGeneration": 1, "conditions": conditions}
    resources.patch(ref, {"status": status}, actor="swarmkeeper", subresource="status")


if __name__ == "__main__":
    main()
