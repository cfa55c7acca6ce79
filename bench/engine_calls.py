"""What one call of the engine costs: our adapter beside docker.APIClient and a bare connection.

    python bench/engine_calls.py [--runs 1000]

All three take turns in the same run on one sandbox Swarm of one node. `update` re-reads the service and
writes it back with another label, so it is two calls. CPU is this process's alone, without the
engine's. Needs root.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import docker
from swarm_bench import Engine

from swarmkeeper.adapters.docker.engine import DockerSwarm
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.sandbox import Sandbox
from swarmkeeper.testing import service_spec

NAME, IMAGE, REPLICAS = "called", "swarmkeeper/app:1", 3
WARM_UP = 20
Call = Callable[[], object]


def main() -> None:
    """Runs and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    with Sandbox.create("bench-calls") as sandbox:
        swarm = DockerSwarm(sandbox.docker_host)
        client = docker.APIClient(sandbox.docker_host)
        id_ = swarm.create(service_spec(NAME, image=IMAGE, replicas=REPLICAS))
        while sum(task.state == "running" for task in swarm.tasks(id_)) < REPLICAS:
            time.sleep(0.1)
        calls = {
            "adapter": ours(swarm, id_),
            "docker.APIClient": theirs(client, id_),
            "bare": bare(Engine(sandbox.docker_host), id_),
        }
        print(f"{'p50 in ms':28} {'wall':>9} {'CPU':>9}")
        for what in calls["adapter"]:
            rows = measure({who: each[what] for who, each in calls.items()}, runs)
            for who, (wall, cpu) in rows.items():
                print(f"{what:10} {who:17} {wall:9.2f} {cpu:9.2f}")
        swarm.close()
        client.close()


def measure(calls: Mapping[str, Call], runs: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds of wall clock and CPU, callers in turns."""
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in calls}
    for _ in range(WARM_UP + runs):
        for who, call in calls.items():
            wall, cpu = time.perf_counter(), time.thread_time()
            call()
            spent = (time.perf_counter() - wall, time.thread_time() - cpu)
            found[who].append(spent)
    return {who: _medians(spent[WARM_UP:]) for who, spent in found.items()}


def _medians(spent: list[tuple[float, float]]) -> tuple[float, float]:
    walls, cpus = zip(*spent, strict=True)
    return statistics.median(walls) * 1000, statistics.median(cpus) * 1000


def ours(swarm: DockerSwarm, id_: str) -> dict[str, Call]:
    """The calls through the adapter."""

    def change(fresh: Service) -> Any:
        return {**fresh.spec, "Labels": _turned(fresh.spec["Labels"])}

    return {
        "service": lambda: swarm.service(NAME),
        "tasks": lambda: swarm.tasks(id_),
        "nodes": swarm.nodes,
        "update": lambda: swarm.update(NAME, change),
    }


def theirs(client: Any, id_: str) -> dict[str, Call]:
    """The calls through the SDK's low-level client, of which not all is typed."""

    def update() -> object:
        fresh = client.inspect_service(NAME)
        spec = fresh["Spec"]
        return client.update_service(
            fresh["ID"],
            fresh["Version"]["Index"],
            task_template=spec["TaskTemplate"],
            name=NAME,
            labels=_turned(spec["Labels"]),
            mode=spec["Mode"],
        )

    return {
        "service": lambda: client.inspect_service(NAME),
        "tasks": lambda: client.tasks({"service": id_}),
        "nodes": client.nodes,
        "update": update,
    }


def bare(engine: Engine, id_: str) -> dict[str, Call]:
    """The calls on one kept connection of the standard library."""
    filters = quote(json.dumps({"service": [id_]}))

    def update() -> object:
        fresh = engine.call("GET", f"/services/{NAME}")
        spec = {**fresh["Spec"], "Labels": _turned(fresh["Spec"]["Labels"])}
        version = fresh["Version"]["Index"]
        return engine.call("POST", f"/services/{fresh['ID']}/update?version={version}", spec)

    return {
        "service": lambda: engine.call("GET", f"/services/{NAME}"),
        "tasks": lambda: engine.call("GET", f"/tasks?filters={filters}"),
        "nodes": lambda: engine.call("GET", "/nodes"),
        "update": update,
    }


def _turned(labels: Mapping[str, str]) -> dict[str, str]:
    return {**labels, "turn": "b" if labels.get("turn") == "a" else "a"}


if __name__ == "__main__":
    main()
