"""Runs the git command line: without a shell, without the user's configuration, never for ever."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PROTOCOLS: Final = "file:http:https:ssh"
_INHERITED: Final = (
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
)
_FIXED: Final = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": PROTOCOLS,
}
_OPTIONS: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]+@")


class GitFailed(Exception):  # noqa: N818 - what happened, not whose fault it is
    """git said no; the output is free of secrets."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


class GitTimedOut(GitFailed):
    """git did not end in time and was killed, with all that it had started."""


class GitCommand:
    """git in one folder, with one deadline for all its runs."""

    def __init__(
        self,
        folder: Path,
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._folder = folder
        self._deadline = time.monotonic() + timeout
        self._env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._env.update({"HOME": str(folder), **_FIXED, **(env or {})})
        self._secrets = secrets

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Runs `git <arguments>` and gives its standard output.

        Args:
            arguments: never hold a secret: they are visible to every process.
            env: further environment for this run.

        Raises:
            GitFailed: git ended with an error.
            GitTimedOut: the time is over.
        """
        process = subprocess.Popen(
            ["git", *_OPTIONS, *arguments],
            cwd=self._folder,
            env={**self._env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            left = max(self._deadline - time.monotonic(), 0.0)
            output, errors = process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            raise GitTimedOut("no answer in time") from None
        finally:
            _end(process)
        if process.returncode != 0:
            raise GitFailed(self._clean(errors.decode("utf-8", "replace")))
        return output.decode("utf-8", "replace")

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return without_user(text)


def without_user(text: str) -> str:
    """A text with user names and passwords taken out of its URLs."""
    return _USER_IN_URL.sub("", text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills the whole process group, if it still runs, and reaps it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
