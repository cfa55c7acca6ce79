"""How the operator scales: N SwarmService objects against a fake engine, in a process of its own.

    python bench/scale.py [100 1000 5000] [--rest SECONDS] [--existing] [--traces]

For each N: the time from the start of the process to the end of the last first pass, the peak of
resident memory, and what a world at rest costs (CPU and writes per minute, measured over `--rest`
seconds). By default the services do not exist and are created; with `--existing` they are adopted;
with `--traces` every pass is traced to a receiver, in the process that starts the others.
The store is SQLite on disk, synced at every commit; the desired state is a real git repository.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OBJECTS_A_FILE = 50
ENGINE_WRITES = ("create", "write", "remove")


def main() -> None:
    """Runs each size in a fresh process and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000, 5000])
    parser.add_argument("--rest", type=float, default=60)
    parser.add_argument("--existing", action="store_true")
    parser.add_argument("--traces", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asyncio.run(measure(options))))
        return
    print(
        "objects  cold start s  peak RSS MiB  CPU at rest %  writes/min at rest  engine writes/min"
    )
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            figures = in_a_process(Path(folder), size, options)
        print(
            f"{size:7}  {figures['cold']:12.2f}  {figures['rss']:12.0f}  {figures['cpu']:13.2f}"
            f"  {figures['writes']:18.0f}  {figures['engine_writes']:17.0f}"
        )


def in_a_process(folder: Path, size: int, options: argparse.Namespace) -> dict[str, float]:
    """Makes the repository, runs the operator on it, returns the figures."""
    tree = folder / "tree"
    tree.mkdir()
    for start in range(0, size, OBJECTS_A_FILE):
        documents = [document(n) for n in range(start, min(start + OBJECTS_A_FILE, size))]
        (tree / f"services-{start:05}.yaml").write_text("---\n".join(documents))
    git = ["git", "-C", str(tree), "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "state"]):
        subprocess.run([*git, *command], check=True)
    arguments = [str(size), "--rest", str(options.rest), "--child", str(folder)]
    if options.existing:
        arguments.append("--existing")
    environment = dict(os.environ)
    with ExitStack() as stack:
        if options.traces:
            arguments.append("--traces")
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = stack.enter_context(_receiver())
        done = subprocess.run(
            [sys.executable, __file__, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def document(number: int) -> str:
    """One service, declared as people do."""
    return f"""apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: web-{number}
spec:
  adopt: true
  image: registry.example.org/web:1.{number}
  replicas: 2
  env:
    LOG_LEVEL: info
    SHARD: "{number}"
  labels:
    tier: web
  update:
    order: start-first
    parallelism: 1
"""


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Runs the operator until every object is Ready, and then at rest."""
    from swarmkeeper import logs  # noqa: PLC0415 - import time is part of the cold start
    from swarmkeeper.adapters.clock import SystemClock  # noqa: PLC0415
    from swarmkeeper.composition import Operator, World  # noqa: PLC0415
    from swarmkeeper.runtime.ports import Ports  # noqa: PLC0415
    from swarmkeeper.settings import Settings  # noqa: PLC0415
    from swarmkeeper.testing.http import FakeHttp  # noqa: PLC0415
    from swarmkeeper.testing.swarm import FakeSwarm  # noqa: PLC0415

    logs.configure(json=False, level="WARNING")
    (size,) = options.sizes
    swarm = FakeSwarm(clock=SystemClock())
    if options.existing:
        for number in range(size):
            swarm.create(existing(number))
        swarm.calls.clear()
    settings = Settings(
        data_dir=options.child / "data", port=0, git=f"file://{options.child / 'tree'}"
    )
    tracer = _tracer() if options.traces else None
    world = World(Ports(swarm, FakeHttp(), SystemClock()), watch=_watch(swarm), tracer=tracer)
    operator = Operator(settings, world)
    stop = asyncio.Event()
    running = asyncio.create_task(operator.run(stop))
    while not all_ready(operator, size):
        await asyncio.sleep(0.1)
    cold = time.time() - _process_start()
    await asyncio.sleep(3)
    before = _usage(operator, swarm)
    await asyncio.sleep(options.rest)
    after = _usage(operator, swarm)
    stop.set()
    await running
    minutes = options.rest / 60
    return {
        "cold": cold,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cpu": (after[0] - before[0]) / options.rest * 100,
        "writes": (after[1] - before[1]) / minutes,
        "engine_writes": (after[2] - before[2]) / minutes,
    }


def existing(number: int) -> dict[str, object]:
    """A service as it would run already, without our labels."""
    container = {
        "Image": f"registry.example.org/web:1.{number}",
        "Env": ["LOG_LEVEL=info", f"SHARD={number}"],
    }
    return {
        "Name": f"web-{number}",
        "Labels": {"tier": "web"},
        "TaskTemplate": {"ContainerSpec": container},
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 1, "Order": "start-first"},
    }


def all_ready(operator: Any, size: int) -> bool:
    """Whether every object is Ready; the costly look is only taken when the passes add up."""
    term = operator.term
    idle = term is not None and len(term.controller) == 0
    return idle and passes(operator) >= size and ready(operator) >= size


def ready(operator: Any) -> int:
    """How many objects are Ready."""
    found = 0
    for obj in operator.objects.list("SwarmService"):
        conditions = obj.get("status", {}).get("conditions", ())
        found += any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return found


def passes(operator: Any) -> int:
    """How many passes have found their object to be in order: cheap to ask."""
    registry = operator.metrics.registry
    labels = {"controller": "SwarmService", "result": "success"}
    return int(registry.get_sample_value("controller_runtime_reconcile_total", labels) or 0)


@contextmanager
def _receiver() -> Iterator[str]:
    """Takes traces and forgets them; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _tracer() -> Any:
    from swarmkeeper.adapters.otlp import OtlpTracer  # noqa: PLC0415 - an extra
    from swarmkeeper.runtime.redaction import Redactor  # noqa: PLC0415

    return OtlpTracer(Redactor().text)


def _watch(swarm: Any) -> Callable[[Callable[[set[str]], None], Callable[[], None]], Any]:
    class Watcher:
        def __init__(
            self, on_signals: Callable[[set[str]], None], _on_gap: Callable[[], None]
        ) -> None:
            swarm.on_event = on_signals

        def start(self) -> None:
            """The fake tells by itself."""

        def stop(self) -> None:
            swarm.on_event = None

    return Watcher


def _usage(operator: Any, swarm: Any) -> tuple[float, int, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    revision = operator.objects.store.revision
    engine = sum(swarm.calls[name] for name in ENGINE_WRITES)
    return usage.ru_utime + usage.ru_stime, revision, engine


def _process_start() -> float:
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    return boot + ticks / 100


if __name__ == "__main__":
    main()
