"""Notes each handler that runs in a file: who, which handler, which object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import kopf

WHO = os.environ["WHO"]
DIARY = Path(os.environ["DIARY"])


def note(handler: str, name: str | None) -> None:
    with DIARY.open("a") as diary:
        diary.write(f"{WHO} {handler} {name}\n")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = "tests/diary"


@kopf.on.create("swarmkeeper.dev", "v1alpha1", "widgets")
def create(name: str | None, **_: Any) -> None:
    note("create", name)


@kopf.on.update("swarmkeeper.dev", "v1alpha1", "widgets")
def update(name: str | None, **_: Any) -> None:
    note("update", name)


@kopf.on.delete("swarmkeeper.dev", "v1alpha1", "widgets")
def delete(name: str | None, **_: Any) -> None:
    note("delete", name)
