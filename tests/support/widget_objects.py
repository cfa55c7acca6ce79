"""Widgets in an API, as the program itself makes and reads them."""

from __future__ import annotations

from typing import Any

from desired_state.objects import JsonObject, ObjectRef
from support.api import Api
from support.widgets import widget
from swarmkeeper.apiserver.origin import PROGRAM


def make(api: Api, name: str = "a", *, size: int = 1, **metadata: Any) -> JsonObject:
    """Makes a widget."""
    return api.resources.create(widget(name, size=size, **metadata), actor=PROGRAM)


def now(api: Api, name: str = "a") -> JsonObject:
    """A widget that is there."""
    found = api.resources.get(ObjectRef("Widget", name))
    assert found is not None
    return found


def be_ready(api: Api, name: str = "a") -> None:
    """Reports that a widget is ready."""
    condition = {"type": "Ready", "status": "True", "message": "all is well"}
    status = {"status": {"conditions": [condition], "phase": "Done"}}
    api.resources.patch(ObjectRef("Widget", name), status, actor=PROGRAM, subresource="status")


def remove(api: Api, name: str = "a") -> None:
    """Deletes a widget, as far as finalizers let it go."""
    api.resources.delete(ObjectRef("Widget", name), actor=PROGRAM)


def post_event(api: Api, obj: JsonObject) -> None:
    """Posts an event about an object."""
    metadata = obj["metadata"]
    api.resources.create(
        {
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.1", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": "Shrunk",
            "message": "from 2 to 1",
            "source": {"component": "tests"},
            "firstTimestamp": metadata["creationTimestamp"],
            "lastTimestamp": metadata["creationTimestamp"],
        },
        actor=PROGRAM,
    )


def table(text: str) -> list[list[str]]:
    """What kubectl prints, as rows of words."""
    return [line.split() for line in text.splitlines()]
