"""What was asked of CAs: one line of JSON each, written before an order and after it.

CAs limit how often they issue, and tell nobody how much is left. A line that was never closed (the operator
was killed) counts as an attempt: the CA may have issued.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from swarmkeeper.runtime.certificates import Attempt

KEPT: Final = timedelta(days=8)
"""A day longer than the longest period of Let's Encrypt's limits."""


class Ledger:
    """One file. Thread-safe.

    Args:
        path: of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()

    def attempts(self, server: str, names: tuple[str, ...]) -> tuple[Attempt, ...]:
        """Those for exactly these names at one CA, oldest first."""
        wanted = sorted(names)
        with self._guard:
            found = self._read().values()
        return tuple(
            _attempt(one) for one in found if one["server"] == server and one["names"] == wanted
        )

    def write(self, server: str, names: tuple[str, ...], attempt: Attempt) -> None:
        """Adds an attempt, or closes the one of the same time.

        Raises:
            OSError: it can't be written; then nothing may be asked of the CA.
        """
        document: dict[str, Any] = {
            "server": server,
            "names": sorted(names),
            "time": attempt.time.isoformat(),
            "key": attempt.key,
            "serial": attempt.serial,
            "reason": attempt.reason,
            "message": attempt.message,
            "retryAfter": attempt.retry_after.isoformat() if attempt.retry_after else None,
            "order": attempt.order,
            "exempt": attempt.exempt,
        }
        with self._guard:
            known = self._read()
            known[(document["time"], tuple(document["names"]))] = document
            oldest = (attempt.time - KEPT).isoformat()
            lines = [json.dumps(one) for one in known.values() if one["time"] >= oldest]
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)

    def _read(self) -> dict[tuple[str, tuple[str, ...]], dict[str, Any]]:
        known = {}
        with suppress(FileNotFoundError):
            for line in self._path.read_text(encoding="utf-8").splitlines():
                one = json.loads(line)
                known[(one["time"], tuple(one["names"]))] = one
        return known


def _attempt(document: dict[str, Any]) -> Attempt:
    after = document["retryAfter"]
    return Attempt(
        time=datetime.fromisoformat(document["time"]),
        key=document["key"],
        serial=document["serial"],
        reason=document["reason"],
        message=document["message"],
        retry_after=datetime.fromisoformat(after) if after else None,
        order=document.get("order", ""),
        exempt=document.get("exempt", False),
    )
