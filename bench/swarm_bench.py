"""What the benches on a real Swarm share: an operator process, an event recorder, a bare engine client."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

API = "/v1.41"


class Engine(http.client.HTTPConnection):
    """The barest client of the engine: one kept connection to its socket."""

    def __init__(self, docker_host: str) -> None:
        super().__init__("engine", timeout=30)
        self._path = docker_host.removeprefix("unix://")

    def connect(self) -> None:
        """Connects to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self._path)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the decoded answer."""
        data = json.dumps(body) if body is not None else None
        self.request(method, API + path, data, {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text) if text.strip() else None

    def scale(self, name: str, replicas: int) -> None:
        """Sets the replicas as `docker service scale` does."""
        service = self.call("GET", f"/services/{name}")
        service["Spec"]["Mode"]["Replicated"]["Replicas"] = replicas
        version = service["Version"]["Index"]
        self.call("POST", f"/services/{service['ID']}/update?version={version}", service["Spec"])


class Updates:
    """Records the engine's own time stamps of service updates, by service name."""

    def __init__(self, docker_host: str) -> None:
        self._engine = Engine(docker_host)
        self._engine.timeout = None
        self._lock = threading.Condition()
        self._times: dict[str, list[int]] = {}
        self.listeners: list[Any] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def count(self, name: str) -> int:
        """How many updates of a service were seen."""
        with self._lock:
            return len(self._times.get(name, ()))

    def wait(self, name: str, count: int, within: float = 30) -> list[int]:
        """Waits until so many updates were seen; their times in nanoseconds."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self._times.get(name, ())) >= count, within):
                raise TimeoutError(f"{name}: {self._times.get(name)} of {count} updates")
            return list(self._times[name])

    def _read(self) -> None:
        filters = json.dumps({"type": ["service"], "scope": ["swarm"]})
        self._engine.request("GET", f"{API}/events?filters={filters}".replace(" ", ""))
        answer = self._engine.getresponse()
        self._engine.sock.settimeout(None)
        for line in answer:
            event = json.loads(line)
            if event.get("Action") not in {"update", "create"}:
                continue
            attributes = event["Actor"]["Attributes"]
            if any(key.startswith("updatestate") for key in attributes):
                continue
            with self._lock:
                self._times.setdefault(attributes["name"], []).append(event["timeNano"])
                self._lock.notify_all()
            for listener in self.listeners:
                listener(attributes["name"])


@contextlib.contextmanager
def operator(folder: Path, docker_host: str, *arguments: str) -> Iterator[Path]:
    """Runs `swarmkeeper run` as people do; gives the kubeconfig once it is up."""
    kubeconfig = folder / "data" / "kubeconfig"
    kubeconfig.unlink(missing_ok=True)
    command = [sys.executable, "-m", "swarmkeeper", "run", "--data-dir", str(folder / "data")]
    command += ["--docker-host", docker_host, *arguments]
    with (folder / "operator.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ})
    try:
        deadline = time.monotonic() + 30
        while not kubeconfig.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "operator.log").read_text()[-3000:])
            time.sleep(0.02)
        yield kubeconfig
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def service_document(name: str, **spec: object) -> str:
    """A SwarmService as people declare it."""
    lines = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in spec.items())
    return (
        f"---\napiVersion: swarmkeeper.dev/v1alpha1\nkind: SwarmService\n"
        f"metadata:\n  name: {name}\nspec:\n{lines}"
    )


def line(label: str, seconds: list[float]) -> str:
    """One row of figures in milliseconds."""
    ordered = sorted(value * 1000 for value in seconds)
    p50 = statistics.median(ordered)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return f"{label:24} {p50:9.2f} {p99:9.2f} {ordered[-1]:9.2f}  ({len(ordered)} runs)"
