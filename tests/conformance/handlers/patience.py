"""Keeps its progress in the status and what it has seen in an annotation of its own, until it may go on."""

from __future__ import annotations

from typing import Any

import kopf

WIDGETS = ("swarmkeeper.dev", "v1alpha1", "widgets")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = "tests/patience"
    settings.persistence.progress_storage = kopf.StatusProgressStorage(field="status.progress")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix="tests.example", key="seen"
    )


@kopf.on.create(*WIDGETS)
def create(annotations: kopf.Annotations, **_: Any) -> dict[str, bool]:
    if annotations.get("go") != "yes":
        raise kopf.TemporaryError("not yet", delay=0.3)
    return {"done": True}
