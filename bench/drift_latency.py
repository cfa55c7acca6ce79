"""How fast drift is corrected: a service scaled by hand, until the engine has accepted the correction.

    python bench/drift_latency.py [--runs 200]

Two services on one sandbox Swarm take turns in the same run: one is kept by the operator (a process of
its own, as people run it), the other by a bare loop in this process, that does the least that anyone
can do here: engine event, one GET, one POST. Both times are differences of the engine's own event time
stamps: from the update made by hand to the update that corrects it. Needs root.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from swarm_bench import Engine, Updates, line, operator, service_document

from swarmkeeper.sandbox import Sandbox

KEPT, BARE = "kept", "bare"
IMAGE = "swarmkeeper/app:1"


def main() -> None:
    """Runs and prints both distributions and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    with Sandbox.create("bench-drift") as sandbox, tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), sandbox.docker_host, runs)
    print(f"{'ms':24} {'p50':>9} {'p99':>9} {'max':>9}")
    print(line("bare loop", figures[BARE]))
    print(line("operator", figures[KEPT]))
    ratio = statistics.median(figures[KEPT]) / statistics.median(figures[BARE])
    print(f"ratio of medians: {ratio:.2f}")


def measure(folder: Path, docker_host: str, runs: int) -> dict[str, list[float]]:
    """Seconds from the manual update to the correction, for both keepers."""
    desired = folder / "desired"
    desired.mkdir()
    limits = {"maxActions": 10 * runs, "per": "1h"}
    document = service_document(
        KEPT, image=IMAGE, replicas=1, limits=limits, healthyDelay="0s", init=True
    )
    (desired / "kept.yaml").write_text(document)
    engine, updates = Engine(docker_host), Updates(docker_host)
    create_bare(engine)
    updates.listeners.append(bare_loop(Engine(docker_host)))
    found: dict[str, list[float]] = {KEPT: [], BARE: []}
    with operator(folder, docker_host, "--folder", str(desired), "--port", "0"):
        updates.wait(KEPT, 1)
        settle(engine, KEPT)
        for _ in range(runs):
            for name in (KEPT, BARE):
                before = updates.count(name)
                engine.scale(name, 2)
                times = updates.wait(name, before + 2)
                found[name].append((times[before + 1] - times[before]) / 1e9)
                settle(engine, name)
    return found


def create_bare(engine: Engine) -> None:
    """The other service, like the one that the operator makes."""
    spec = {
        "Name": BARE,
        "TaskTemplate": {"ContainerSpec": {"Image": IMAGE, "Init": True}},
        "Mode": {"Replicated": {"Replicas": 1}},
    }
    engine.call("POST", "/services/create", spec)


def bare_loop(engine: Engine) -> object:
    """Event, one GET, one POST if needed."""

    def look(name: str) -> None:
        if name != BARE:
            return
        service = engine.call("GET", f"/services/{name}")
        if service["Spec"]["Mode"]["Replicated"]["Replicas"] == 1:
            return
        service["Spec"]["Mode"]["Replicated"]["Replicas"] = 1
        version = service["Version"]["Index"]
        path = f"/services/{service['ID']}/update?version={version}"
        engine.call("POST", path, service["Spec"])

    return look


def settle(engine: Engine, name: str) -> None:
    """Waits until just one task runs, so that each run begins alike.

    Swarm sometimes forgets to end the task that a scale-up of a moment ago has begun, until the
    service is written again: the operator does that by itself (runbook `settle`), for the bare loop
    it is done here.
    """
    filters = f'{{"service":["{name}"],"desired-state":["running"]}}'
    started = time.monotonic()
    while time.monotonic() < started + 30:
        tasks = engine.call("GET", f"/tasks?filters={filters}")
        if [task["Status"]["State"] for task in tasks] == ["running"]:
            time.sleep(0.05)
            return
        if name == BARE and time.monotonic() > started + 5:
            engine.scale(name, 1)
        time.sleep(0.02)
    raise TimeoutError(f"{name} did not settle")


if __name__ == "__main__":
    main()
