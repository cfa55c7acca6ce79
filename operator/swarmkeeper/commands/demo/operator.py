"""The operator of the demo: the real program, in a process of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from swarmkeeper.commands.demo.api import Api
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.swarm import until


class OperatorProcess:
    """Starts and stops `swarmkeeper run`.

    Args:
        folder: for its data, its log and the secret of its webhook.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "operator"
        self.log = folder / "operator.log"
        self.secret = folder / "webhook-secret"
        self.secrets = folder / "secrets"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def kubeconfig(self) -> Path:
        """The way in for kubectl."""
        return self.data / "kubeconfig"

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def start(self, docker_host: str, git: str, **more: object) -> Api:
        """Starts it and waits for its API.

        Args:
            docker_host: the Swarm manager.
            git: what to follow.
            more: further settings, with `_` for `-`.

        Raises:
            DemoError: it does not come up.
        """
        self.secret.touch(mode=0o600)
        self.secret.write_text(secrets.token_hex(32), encoding="ascii")
        settings = {
            "data-dir": self.data,
            "docker-host": docker_host,
            "git": git,
            "port": 0,
            "webhook-secret-file": self.secret,
            "secrets": self.secrets,
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SWARMKEEPER_")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "swarmkeeper", "run", *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.log.parent,
                env=kept,
                start_new_session=True,
            )
        until(self._answers, f"the operator's API (see {self.log})")
        return Api.of(self.kubeconfig)

    def stop(self) -> None:
        """Ends it as Swarm would: SIGTERM, and SIGKILL if that is not enough."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-8:])
        except OSError:
            return ""

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise DemoError(f"the operator ended at once: {self.last_words()}")
        try:
            return bool(Api.of(self.kubeconfig).source())
        except (OSError, LookupError, TypeError):
            return False
