"""How long nobody acts: an operator is killed with -9, until its standby has corrected a drift.

    python bench/failover.py [--runs 20] [--store postgresql://user@host/database]

Two operators on one Postgres, processes of their own, as people run them, keep one service on a sandbox
Swarm. In each run the one that acts is killed, and at once the service is scaled by hand, so that nobody
hears of it who could act. The time goes from the kill to the engine's own time stamp of the correction:
waiting for the lease, building a term, a pass over the service with its intent synced to disk. Then the
one that was killed is started again, as the standby of the next run. Without --store the bench makes a
Postgres of its own. Needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from swarm_bench import Engine, Updates, line, service_document

from swarmkeeper.sandbox import Sandbox

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from support.postgres import missing, postgres_server

KEPT = "kept"


class Replica:
    """One of the two operators.

    Args:
        folder: for its data and log.
        arguments: of `swarmkeeper run`.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir()
        self._kubeconfig = folder / "data" / "kubeconfig"
        self._log = folder / "operator.log"
        self._arguments = ("--data-dir", str(folder / "data"), *arguments)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it is up: it acts, or stands by."""
        self._kubeconfig.unlink(missing_ok=True)
        command = [sys.executable, "-m", "swarmkeeper", "run", *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ})
        deadline = time.monotonic() + 30
        while not self._kubeconfig.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text()[-3000:])
            time.sleep(0.02)

    def kill(self) -> int:
        """Kill -9; when that was, in nanoseconds of this machine's clock, which is the engine's too."""
        killed = time.time_ns()
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        return killed


def main() -> None:
    """Runs and prints the distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--store", default="")
    options = parser.parse_args()
    with (
        database(options.store) as store,
        Sandbox.create("bench-failover") as sandbox,
        tempfile.TemporaryDirectory() as name,
    ):
        figures = measure(Path(name), sandbox.docker_host, store, options.runs)
    print(f"{'ms':24} {'p50':>9} {'p99':>9} {'max':>9}")
    print(line("kill -9 to correction", figures))


@contextlib.contextmanager
def database(store: str) -> Iterator[str]:
    """URL of the store: the one that is given, or an empty one on a server that syncs its commits."""
    if store:
        yield store
        return
    if reason := missing():
        raise SystemExit(reason)
    with postgres_server(safe=True) as server:
        yield server.new_database().url


def measure(folder: Path, docker_host: str, store: str, runs: int) -> list[float]:
    """Seconds from each kill to the correction."""
    desired = folder / "desired"
    desired.mkdir()
    limits = {"maxActions": 10 * (runs + 1), "per": "1h"}
    document = service_document(
        KEPT, image="swarmkeeper/app:1", replicas=1, limits=limits, healthyDelay="0s", init=True
    )
    (desired / "kept.yaml").write_text(document)
    arguments = ("--docker-host", docker_host, "--folder", str(desired), "--port", "0")
    acting, standby = (
        Replica(folder / name, *arguments, "--store", store) for name in ("one", "two")
    )
    engine, updates = Engine(docker_host), Updates(docker_host)
    found = []
    try:
        for replica in (acting, standby):
            replica.start()
        updates.wait(KEPT, 1)
        for _ in range(runs):
            settle(engine)
            before = updates.count(KEPT)
            killed = acting.kill()
            engine.scale(KEPT, 2)
            found.append((updates.wait(KEPT, before + 2)[before + 1] - killed) / 1e9)
            acting.start()
            acting, standby = standby, acting
    finally:
        for replica in (acting, standby):
            replica.kill()
    return found


def settle(engine: Engine) -> None:
    """Waits until just one task has run for a moment, so that each run begins alike."""
    filters = f'{{"service":["{KEPT}"],"desired-state":["running"]}}'
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        tasks = engine.call("GET", f"/tasks?filters={filters}")
        if [task["Status"]["State"] for task in tasks] == ["running"]:
            time.sleep(1)
            return
        time.sleep(0.05)
    raise TimeoutError(f"{KEPT} did not settle")


if __name__ == "__main__":
    main()
