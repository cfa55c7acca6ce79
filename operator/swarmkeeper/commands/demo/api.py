"""Looking at the operator as its users do: through the Kubernetes API that its kubeconfig names."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import yaml

from desired_state.objects import GROUP, VERSION
from swarmkeeper.controller.names import REQUESTED_AT

_OBJECTS: Final = f"/apis/{GROUP}/{VERSION}/namespaces/default"
_EVENTS: Final = "/api/v1/namespaces/default/events"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Api:
    """The operator's API.

    Attributes:
        server: its URL.
        token: bearer token of its administrator.
        authority: PEM of the certificate to trust; empty for plain http.
    """

    server: str
    token: str
    authority: str

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """The API that a kubeconfig points at."""
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
        return cls(cluster["server"], document["users"][0]["user"]["token"], authority)

    def services(self) -> list[dict[str, Any]]:
        """All SwarmService objects."""
        return list(self._get(f"{_OBJECTS}/swarmservices")["items"])

    def object(self, plural: str, name: str) -> dict[str, Any]:
        """One object of a kind."""
        return dict(self._get(f"{_OBJECTS}/{plural}/{name}"))

    def look_at(self, plural: str, name: str) -> None:
        """Asks the operator to look at an object now, as `kubectl annotate` does."""
        now = datetime.now(UTC).isoformat()
        patch = {"metadata": {"annotations": {REQUESTED_AT: now}}}
        self._send(
            f"{_OBJECTS}/{plural}/{name}",
            method="PATCH",
            data=json.dumps(patch).encode(),
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def source(self) -> dict[str, Any]:
        """The GitRepository object that the operator follows."""
        return dict(self._get(f"{_OBJECTS}/gitrepositories/desired-state"))

    def event_of(self, name: str, words: str) -> str:
        """The message of the newest event of an object that holds some words, or empty."""
        found = [
            event
            for event in self._get(_EVENTS)["items"]
            if event["involvedObject"]["name"] == name and words in event.get("message", "")
        ]
        newest = max(found, key=lambda event: str(event.get("lastTimestamp")), default=None)
        return f"{newest['reason']}: {newest['message']}" if newest else ""

    def table(self) -> str:
        """What `kubectl get swarmservices` shows."""
        table = self._get(f"{_OBJECTS}/swarmservices", _TABLE)
        shown = [
            n for n, column in enumerate(table["columnDefinitions"]) if not column.get("priority")
        ]
        head = [str(table["columnDefinitions"][n]["name"]).upper() for n in shown]
        rows = [[_cell(row["cells"][n]) for n in shown] for row in table["rows"]]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = (zip(row, widths, strict=True) for row in [head, *rows])
        return "\n".join("   ".join(cell.ljust(width) for cell, width in line) for line in lines)

    def _get(self, path: str, accept: str = "application/json") -> Any:
        return self._send(path, headers={"Accept": accept})

    def _send(
        self, path: str, *, headers: dict[str, str], method: str = "GET", data: bytes | None = None
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self.server + path,
            data,
            {"Authorization": f"Bearer {self.token}", **headers},
            method=method,
        )
        context = ssl.create_default_context(cadata=self.authority) if self.authority else None
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return json.load(answer)


def condition(obj: dict[str, Any], type_: str) -> tuple[str, str]:
    """Status and message of a condition; empty where there is none."""
    for each in obj.get("status", {}).get("conditions", ()):
        if each["type"] == type_:
            return str(each["status"]), str(each["message"])
    return "", ""


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
