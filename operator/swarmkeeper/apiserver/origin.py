"""Objects that git declares are changed in git: this refuses API clients what git would undo.

A client may set the `swarmkeeper.dev/*` annotations (approve, suspend, requested-at) and nothing else;
the operator's own token writes status, finalizers and annotations, never the spec. Inside the process
the actor `swarmkeeper`, who reads git, may do everything.
"""

from __future__ import annotations

from typing import Any, Final

from desired_state.objects import GROUP, JsonObject
from swarmkeeper.apiserver.catalogue import DEFINITION, ResourceType
from swarmkeeper.apiserver.problems import forbidden

ORIGIN: Final = f"{GROUP}/origin"
"""Annotation: where the object is declared, e.g. `services.yaml:12@3f2a91c`."""
PROGRAM: Final = "swarmkeeper"
"""Actor: the program itself, in its own process."""
OPERATOR: Final = "swarmkeeper:operator"
"""Actor: the holder of the operator's token (kopf)."""
ADMIN: Final = "swarmkeeper:admin"
"""Actor: the holder of the administrator's token (kubectl)."""

_PREFIX: Final = f"{GROUP}/"
_BOOKKEEPING: Final = ("generation", "resourceVersion", "deletionTimestamp", "managedFields")


def check_create(type_: ResourceType, actor: str, new: JsonObject) -> None:
    """Lets only the program itself say that an object comes from git.

    Raises:
        ApiError: 403.
    """
    if actor != PROGRAM and type_.from_git and _annotations(new).get(ORIGIN) is not None:
        raise forbidden(type_, new["metadata"]["name"], f"only {PROGRAM} itself sets {ORIGIN}")


def check_update(type_: ResourceType, actor: str, old: JsonObject, new: JsonObject) -> None:
    """Refuses a change that git, or the program at its next start, would undo.

    Raises:
        ApiError: 403, naming file and commit.
    """
    if actor == PROGRAM:
        return
    if type_ is DEFINITION and any(old.get(part) != new.get(part) for part in ("spec", "status")):
        name = old["metadata"]["name"]
        raise forbidden(type_, name, "it comes with the program: only its metadata can be changed")
    if not type_.from_git:
        return
    origin = _annotations(old).get(ORIGIN)
    if origin is None:
        check_create(type_, actor, new)
    elif _protected(actor, old) != _protected(actor, new):
        raise forbidden(
            type_,
            old["metadata"]["name"],
            f"it is declared in git at {origin}: change it there "
            f"(clients may only set annotations {_PREFIX}*)",
        )


def check_delete(type_: ResourceType, actor: str, old: JsonObject) -> None:
    """Refuses to delete what git declares.

    Raises:
        ApiError: 403, naming file and commit.
    """
    origin = _annotations(old).get(ORIGIN)
    if actor != PROGRAM and type_.from_git and origin is not None:
        raise forbidden(
            type_, old["metadata"]["name"], f"it is declared in git at {origin}: remove it there"
        )


def _protected(actor: str, obj: JsonObject) -> tuple[Any, ...]:
    """What the actor may not change."""
    annotations = _annotations(obj)
    if actor == OPERATOR:
        return obj.get("spec"), annotations.get(ORIGIN)
    rest = {k: v for k, v in obj["metadata"].items() if k not in (*_BOOKKEEPING, "annotations")}
    fixed = {k: v for k, v in annotations.items() if k == ORIGIN or not k.startswith(_PREFIX)}
    return obj.get("spec"), obj.get("status"), rest, fixed


def _annotations(obj: JsonObject) -> JsonObject:
    annotations: JsonObject = obj["metadata"].get("annotations") or {}
    return annotations
