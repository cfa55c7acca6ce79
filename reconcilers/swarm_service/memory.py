"""What an object keeps between passes: the last good spec, and which generation was rolled back.

It lies in the store and never in the status: a full spec holds environment variables.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from desired_state.objects import JsonObject
from reconcilers.swarm_service.document import TEMPLATE, dig
from reconcilers.swarm_service.ownership import applied_generation, without_ours
from reconcilers.swarm_service.spec import SwarmServiceSpec
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import Service

_FORCE: Final = "ForceUpdate"


def update_state(service: Service) -> str:
    """State of the last update: updating, paused, completed, rollback_*; empty if there is none."""
    return str(service.update_status.get("State") or "")


def is_remembered(memory: Mapping[str, Any] | None, spec: Mapping[str, Any]) -> bool:
    """Whether the memory holds this live spec already."""
    return bool(memory) and (memory or {}).get("key") == _key(spec)


def remembered_spec(memory: Mapping[str, Any] | None) -> JsonObject | None:
    """A copy of the last good spec, or None."""
    spec: JsonObject | None = (memory or {}).get("spec")
    return copy.deepcopy(spec)


def memory_of(
    memory: Mapping[str, Any] | None, spec: Mapping[str, Any], networks: Mapping[str, str]
) -> JsonObject | None:
    """What to keep about a service that is as declared; None if that is kept already.

    Args:
        memory: what is stored.
        spec: the live spec.
        networks: network name -> id; names outlive a network that is made anew.
    """
    if is_remembered(memory, spec) and "rollback" not in (memory or {}):
        return None
    if is_remembered(memory, spec):
        return {name: value for name, value in (memory or {}).items() if name != "rollback"}
    kept = _stable(copy.deepcopy(dict(spec)))
    names = {id_: name for name, id_ in networks.items()}
    for attachment in dig(kept, (*TEMPLATE, "Networks"), []):
        attachment["Target"] = names.get(attachment.get("Target", ""), attachment.get("Target"))
    return {"key": _key(spec), "spec": kept}


def memory_of_rollback(target: Target[SwarmServiceSpec], service: Service) -> JsonObject | None:
    """What to keep about a rollback; None if it is kept already."""
    started = str(service.update_status.get("StartedAt", ""))
    known = (target.memory or {}).get("rollback") or {}
    if known.get("startedAt") == started:
        return None
    rollback = {"startedAt": started, "generation": _failed_generation(target, service)}
    return {**(target.memory or {}), "rollback": rollback}


def was_rolled_back(target: Target[SwarmServiceSpec], service: Service) -> bool:
    """Whether Swarm has rolled back what this generation of the object declares.

    A rollback swaps the labels back too, so the failed generation is known from the status, which
    an earlier pass wrote; without one the present generation is taken: better held than repeated.
    """
    known = (target.memory or {}).get("rollback") or {}
    if update_state(service) not in ("rollback_completed", "rollback_paused"):
        return bool(known) and known["generation"] == target.generation
    if known.get("startedAt") == str(service.update_status.get("StartedAt", "")):
        return bool(known["generation"] == target.generation)
    return _failed_generation(target, service) == target.generation


def _failed_generation(target: Target[SwarmServiceSpec], service: Service) -> int:
    applied = target.status.get("appliedGeneration")
    before = applied_generation(service)
    if isinstance(applied, int) and (before is None or applied > before):
        return applied
    return target.generation


def _stable(spec: JsonObject) -> JsonObject:
    kept = without_ours(spec)
    template = {k: v for k, v in (kept.get("TaskTemplate") or {}).items() if k != _FORCE}
    return {**kept, "TaskTemplate": template}


def _key(spec: Mapping[str, Any]) -> str:
    text = json.dumps(_stable(dict(spec)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
