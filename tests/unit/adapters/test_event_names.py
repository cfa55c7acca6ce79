"""What an event is about, as a real engine tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from swarmkeeper.adapters.docker.events import names_in


def event(kind: str, **attributes: str) -> bytes:
    document: dict[str, Any] = {
        "Type": kind,
        "Action": "update",
        "scope": "swarm",
        "Actor": {"ID": "x", "Attributes": attributes},
    }
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (event("service", name="web"), ["service/web"]),
        (event("node", name="host1", **{"state.new": "down"}), ["node"]),
        (event("secret", name="pw"), ["secret/pw"]),
        (event("network", name="front"), ["network/front"]),
        (event("service"), []),
        (b"", []),
        (b"{broken", []),
        (b"[]", []),
        (b'{"Type": "service", "Actor": null}', []),
        (b'{"Type": "service", "Actor": {"Attributes": null}}', []),
    ],
)
def test_an_event_names_what_moved_and_nonsense_names_nothing(
    line: bytes, names: list[str]
) -> None:
    assert list(names_in(line)) == names
