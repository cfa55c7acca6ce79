"""The registry of a sandbox: a mirror that has its images, so that ordinary names resolve."""

from __future__ import annotations

import http.client
import json
import secrets
from pathlib import Path

from swarmkeeper.sandbox import images, processes
from swarmkeeper.sandbox.names import bridge_address
from swarmkeeper.sandbox.packages import REGISTRY
from swarmkeeper.sandbox.state import State
from swarmkeeper.sandbox.waiting import wait_until

PORT = 5000


def address(state: State) -> str:
    """Where it listens, as it stands before an image's name."""
    return f"{bridge_address(state.network)}:{PORT}"


def storage(state: State) -> Path:
    """Where it keeps its images."""
    return state.folder / "registry"


def start(state: State) -> None:
    """Start it in the namespace of the bridge."""
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage(state))},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": address(state), "secret": secrets.token_hex(16)},
    }
    path = state.folder / "registry.json"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML too.
    processes.spawn(
        [REGISTRY, "serve", str(path)],
        netns=state.names.netns,
        record=state.folder / "registry.process",
        log=state.folder / "registry.log",
    )


def add(state: State, wanted: tuple[images.Image, ...]) -> None:
    """Make images available in it."""
    for image in wanted:
        images.place(image, storage(state))


def wait(state: State) -> None:
    """Wait until it answers."""
    wait_until(lambda: _answers(state), timeout=20, what=f"the registry at {address(state)}")


def process(state: State) -> processes.Process | None:
    """Its process, if it was ever started."""
    return processes.read_record(state.folder / "registry.process")


def _answers(state: State) -> bool:
    connection = http.client.HTTPConnection(address(state), timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
