"""The few calls of the Docker Engine API that a sandbox needs, over the node's own socket."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarmkeeper.sandbox.errors import EngineError, EngineUnreachableError


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine behind a unix socket.

    Attributes:
        path: The socket.
        timeout: Seconds that a call may take; a frozen daemon never answers.
    """

    path: Path
    timeout: float = 20

    def get(self, path: str) -> Any:
        """Read something."""
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Make or change something."""
        return self.call("POST", path, body)

    def delete(self, path: str) -> Any:
        """Remove something."""
        return self.call("DELETE", path)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Do one API call and return the decoded answer.

        Raises:
            EngineUnreachableError: No answer in time.
            EngineError: The engine refused.
        """
        connection = _UnixConnection(self.path, self.timeout)
        payload = json.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, payload, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", errors="replace")
        except (OSError, http.client.HTTPException) as exc:
            raise EngineUnreachableError(
                f"{method} {path}: no answer from {self.path} within {self.timeout:g} s ({exc!r})"
            ) from exc
        finally:
            connection.close()
        if answer.status >= 400:
            raise EngineError(f"{method} {path}: {answer.status} {text.strip()}", answer.status)
        return _decode(text)

    def answers(self) -> bool:
        """Whether the engine is up."""
        try:
            return bool(self.get("/_ping") == "OK")
        except EngineError:
            return False


def _decode(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except json.JSONDecodeError:
        return text
