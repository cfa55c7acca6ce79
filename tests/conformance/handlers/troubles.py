"""Handlers that fail, each in another way."""

from __future__ import annotations

from typing import Any

import kopf

WIDGETS = ("swarmkeeper.dev", "v1alpha1", "widgets")


@kopf.on.create(*WIDGETS, id="temporary")
def fail_twice(retry: int, **_: Any) -> dict[str, int]:
    if retry < 2:
        raise kopf.TemporaryError("not yet", delay=0.3)
    return {"tries": retry + 1}


@kopf.on.create(*WIDGETS, id="permanent")
def fail_for_good(**_: Any) -> None:
    raise kopf.PermanentError("never")


@kopf.on.create(*WIDGETS, id="arbitrary", retries=2, backoff=0.3)
def fail_by_accident(**_: Any) -> None:
    raise ZeroDivisionError("by accident")


@kopf.on.create(*WIDGETS, id="ignored", errors=kopf.ErrorsMode.IGNORED)
def fail_without_consequence(**_: Any) -> None:
    raise ZeroDivisionError("who cares")


@kopf.on.create(*WIDGETS, id="late", timeout=1.0)
def fail_until_it_is_too_late(**_: Any) -> None:
    raise kopf.TemporaryError("still not", delay=0.3)
