"""Says in the status of a widget what became of it, by handlers of every kind of change."""

from __future__ import annotations

from typing import Any

import kopf

WIDGETS = ("swarmkeeper.dev", "v1alpha1", "widgets")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = "tests/growth"


@kopf.on.create(*WIDGETS)
async def create(body: kopf.Body, spec: kopf.Spec, **_: Any) -> dict[str, Any]:
    kopf.info(body, reason="Grown", message=f"to {spec['size']}")

    for variable in spec.get("env", {}):

        @kopf.subhandler(id=variable)
        def set_variable(variable: str = variable, **_: Any) -> dict[str, Any]:
            return {"set": variable}

    return {"size": spec["size"]}


@kopf.on.resume(*WIDGETS)
def resume(patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
    patch.status["starts"] = status.get("starts", 0) + 1


@kopf.on.update(*WIDGETS)
def update(diff: kopf.Diff, **_: Any) -> dict[str, Any]:
    return {"diff": [[op, ".".join(field), old, new] for op, field, old, new in diff]}


@kopf.on.field(*WIDGETS, field="spec.size")
def resize(old: Any, new: Any, **_: Any) -> dict[str, Any]:
    return {"change": [old, new]}


@kopf.on.delete(*WIDGETS)
def delete(body: kopf.Body, **_: Any) -> None:
    kopf.event(body, type="Warning", reason="Shrunk", message="to nothing")


@kopf.on.event(*WIDGETS)
def see(type: str | None, name: str | None, logger: Any, **_: Any) -> None:  # noqa: A002 - kopf's
    logger.info(f"seen: {type} {name}")  # noqa: G004 - one text, as the test looks for it
