"""The operator as people run it: a process of its own, on a real engine and a real git repository."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from support.freezing import freeze

GROUP_PATH = "/apis/swarmkeeper.dev/v1alpha1/namespaces/default"
SECRET = "a-secret-for-tests"
CRASHING = Path(__file__).with_name("crashing_operator.py")


def eventually(condition: Callable[[], bool], within: float = 30, what: str = "") -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about: {what or condition}"
        time.sleep(0.02)


class OperatorProcess:
    """`swarmkeeper run` on a data folder; it can be stopped, killed and started again.

    Args:
        folder: for its data and log.
        docker_host: the engine.
        git: URL of the desired state.
        options: further ones.
        env: further variables.
        program: what is run instead of the real one.
        crashing: what is run instead of it where it is to die.
    """

    def __init__(
        self,
        folder: Path,
        docker_host: str,
        git: str,
        *,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "swarmkeeper"),
        crashing: Path = CRASHING,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.data = folder / "data"
        self.log = folder / "operator.log"
        self.paused = folder / "paused"
        self._docker_host = docker_host
        self._git = git
        self._options = options
        self._env = env or {}
        self._program = program
        self._crashing = crashing
        self._secret = folder / "hook-secret"
        self._secret.write_text(SECRET)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, die_at: str = "", pause_at: str = "") -> OperatorProcess:
        """Starts it and waits until its API answers.

        Args:
            die_at: `step` or `step:n`: it kills itself with -9 there, the n-th time it comes by.
            pause_at: the same, but the pass waits there until `paused` is removed; meanwhile so does
                each other one, at its next step.
        """
        self.kubeconfig.unlink(missing_ok=True)
        program = [str(self._crashing), die_at] if die_at else self._program
        if pause_at:
            program = [str(CRASHING), pause_at, str(self.paused)]
        options = ["--data-dir", str(self.data), "--docker-host", self._docker_host]
        options += ["--git", self._git, "--source-interval", "1h", "--port", "0"]
        options += ["--webhook-secret-file", str(self._secret), "--log-level", "INFO"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program, "run", *options, *self._options],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "error::ResourceWarning", **self._env},
            )
        if not die_at:
            eventually(self._up, what="the operator starts")
        return self

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        self._process = None
        return code

    def begin_to_stop(self) -> None:
        """SIGTERM; returns once it has begun to end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        eventually(lambda: "operator is stopping" in self.log.read_text())

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Stops it where it is, as a machine without memory does, until `thaw`."""
        assert self._process is not None
        freeze(self._process)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Waits until it ends by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(60)
        self._process = None
        return code

    @property
    def kubeconfig(self) -> Path:
        """How to reach its API."""
        return self.data / "kubeconfig"

    def push(self) -> None:
        """Calls the git hook, as a forge would."""
        body = b"{}"
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}"}
        self._call("/hooks/git", body, headers, method="POST")

    def get(self, path: str) -> Any:
        """One GET on the API, decoded; None for 404."""
        try:
            return json.loads(self._call(path))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def readyz(self) -> tuple[int, str]:
        """Whether it is ready: HTTP status and text."""
        try:
            return 200, self._call("/readyz").decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> str:
        """What Prometheus would scrape."""
        return self._call("/metrics").decode()

    def service(self, name: str) -> dict[str, Any]:
        """A SwarmService object, or an empty one."""
        found: dict[str, Any] = self.get(f"{GROUP_PATH}/swarmservices/{name}") or {}
        return found

    def condition(self, name: str, type_: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty where there is none."""
        conditions = self.service(name).get("status", {}).get("conditions", ())
        for condition in conditions:
            if condition["type"] == type_:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def ready(self, name: str) -> bool:
        """Whether a service object is Ready at its present generation."""
        found = self.service(name)
        status = found.get("status", {})
        current = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return current and self.condition(name, "Ready")[0] == "True"

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of the events of an object."""
        found = self.get("/api/v1/namespaces/default/events")["items"]
        return [(e["reason"], e["message"]) for e in found if e["involvedObject"]["name"] == name]

    def annotate(
        self, name: str, annotation: str, value: str, *, plural: str = "swarmservices"
    ) -> None:
        """Annotates an object, as `kubectl annotate` does."""
        patch = {"metadata": {"annotations": {f"swarmkeeper.dev/{annotation}": value}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        path = f"{GROUP_PATH}/{plural}/{name}"
        self._call(path, json.dumps(patch).encode(), headers, method="PATCH")

    def _up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-4000:]
        return self.kubeconfig.exists()

    def _call(
        self,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
    ) -> bytes:
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        token = config["users"][0]["user"]["token"]
        request = urllib.request.Request(  # noqa: S310 - our own server
            cluster["server"] + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
        )
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:  # noqa: S310 - as above
            data: bytes = answer.read()
            return data
