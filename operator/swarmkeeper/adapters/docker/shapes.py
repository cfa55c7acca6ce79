"""From the engine's JSON to the port's dataclasses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from desired_state.objects import JsonObject
from swarmkeeper.runtime.swarm import Node, Service, Task


def service_of(document: JsonObject) -> Service:
    """A service, as `GET /services/{id}` gives it."""
    return Service(
        id=document["ID"],
        name=document["Spec"]["Name"],
        version=document["Version"]["Index"],
        spec=document["Spec"],
        previous_spec=document.get("PreviousSpec"),
        update_status=document.get("UpdateStatus") or {},
        created_at=document.get("CreatedAt", ""),
        updated_at=document.get("UpdatedAt", ""),
    )


def task_of(document: JsonObject) -> Task:
    """A task, as `GET /tasks` gives it."""
    status = document.get("Status") or {}
    spec = document.get("Spec") or {}
    return Task(
        id=document["ID"],
        slot=document.get("Slot", 0),
        node_id=document.get("NodeID", ""),
        state=status.get("State", ""),
        desired_state=document.get("DesiredState", ""),
        error=status.get("Err", ""),
        image=(spec.get("ContainerSpec") or {}).get("Image", ""),
        created_at=document.get("CreatedAt", ""),
        exit_code=(status.get("ContainerStatus") or {}).get("ExitCode"),
        addresses=tuple(_addresses(document)),
        since=status.get("Timestamp", ""),
        spec=spec,
    )


def node_of(document: JsonObject) -> Node:
    """A node, as `GET /nodes` gives it."""
    status = document.get("Status") or {}
    spec = document.get("Spec") or {}
    return Node(
        id=document["ID"],
        hostname=(document.get("Description") or {}).get("Hostname", ""),
        ready=status.get("State") == "ready",
        address=_node_address(document),
        role=spec.get("Role", ""),
        availability=spec.get("Availability", ""),
    )


def ids_of(documents: list[JsonObject]) -> dict[str, str]:
    """Name -> id, of networks, secrets or configs."""
    return {_name(document): document.get("Id") or document["ID"] for document in documents}


def _name(document: JsonObject) -> str:
    return str(document.get("Name") or document["Spec"]["Name"])


def _addresses(document: JsonObject) -> Iterator[str]:
    for attachment in document.get("NetworksAttachments") or []:
        network: dict[str, Any] = (attachment.get("Network") or {}).get("Spec") or {}
        if not network.get("Ingress"):  # the routing mesh: reachable from nowhere but itself
            for address in attachment.get("Addresses") or []:
                yield address.partition("/")[0]


def _node_address(document: JsonObject) -> str:
    address = str((document.get("Status") or {}).get("Addr", ""))
    if address in ("", "0.0.0.0"):  # noqa: S104 - what a leader can say of itself
        manager = str((document.get("ManagerStatus") or {}).get("Addr", ""))
        address = manager.rpartition(":")[0] or address
    return address
