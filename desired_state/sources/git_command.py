"""Runs the git command line: without a shell, without the user's configuration, never for ever."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from desired_state.sources.process import Finished, TimedOut, run_program

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
        return self.read(*arguments, env=env).decode("utf-8", "replace")

    def read(self, *arguments: str, env: Mapping[str, str] | None = None) -> bytes:
        """Like `run`, byte for byte."""
        finished = self.ask(*arguments, env=env)
        if finished.code != 0:
            raise GitFailed(self._clean(finished.errors.decode("utf-8", "replace")))
        return finished.output

    def ask(self, *arguments: str, env: Mapping[str, str] | None = None) -> Finished:
        """Like `run`, where a no is an answer too.

        Raises:
            GitTimedOut: the time is over.
        """
        try:
            return run_program(
                ["git", *_OPTIONS, *arguments],
                folder=self._folder,
                env={**self._env, **(env or {})},
                timeout=self._deadline - time.monotonic(),
            )
        except TimedOut as error:
            raise GitTimedOut(str(error)) from None

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return without_user(text)


def without_user(text: str) -> str:
    """A text with user names and passwords taken out of its URLs."""
    return _USER_IN_URL.sub("", text)
