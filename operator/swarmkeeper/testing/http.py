"""An HTTP probe with scripted answers."""

from __future__ import annotations

from collections.abc import Mapping

from swarmkeeper.runtime.ports import ProbeError, ProbeResult


class FakeHttp:
    """Answers what was scripted; everything else refuses the connection."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, ProbeResult] = {}

    def answer(self, url: str, status: int = 200, body: bytes = b"") -> None:
        """From now on a URL answers so."""
        self._answers[url] = ProbeResult(status, body, 0.001)

    def silence(self, url: str) -> None:
        """From now on a URL refuses the connection."""
        self._answers.pop(url, None)

    def get(
        self, url: str, *, timeout: float, headers: Mapping[str, str] | None = None
    ) -> ProbeResult:
        """The scripted answer.

        Raises:
            ProbeError: none was scripted.
        """
        del timeout, headers  # part of the port; a scripted answer needs neither
        self.asked.append(url)
        if url not in self._answers:
            raise ProbeError("connection refused")
        return self._answers[url]
