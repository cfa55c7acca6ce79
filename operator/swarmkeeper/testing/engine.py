"""What the engine makes of a ServiceSpec: references, defaults, and what it refuses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.runtime.swarm import Refused

_POLICY: Final = {"FailureAction": "pause", "MaxFailureRatio": 0, "Order": "stop-first"}


def accepted(spec: Mapping[str, Any], ids: Mapping[str, Mapping[str, str]]) -> JsonObject:
    """A spec as the engine keeps it: names of networks resolved, defaults filled in.

    Args:
        spec: as posted.
        ids: `networks`, `secrets`, `configs` -> name -> id.

    Raises:
        Refused: it names something that does not exist, or nothing that can run.
    """
    kept: JsonObject = copy.deepcopy(dict(spec))
    template = kept.setdefault("TaskTemplate", {})
    container = template.setdefault("ContainerSpec", {})
    if not container.get("Image"):
        raise Refused("ContainerSpec: image reference must be provided")
    for attachment in template.get("Networks") or []:
        attachment["Target"] = _network(attachment["Target"], ids["networks"])
    for noun in ("Secret", "Config"):
        for element in container.get(f"{noun}s") or []:
            if element[f"{noun}ID"] not in ids[f"{noun.lower()}s"].values():
                raise Refused(f"{noun.lower()} not found: {element[f'{noun}ID']}")
    container.setdefault("Isolation", "default")
    template.setdefault("ForceUpdate", 0)
    template.setdefault("Runtime", "container")
    _fill_mode(kept)
    for policy in ("UpdateConfig", "RollbackConfig"):
        if kept.get(policy) is not None:
            kept[policy] = {"Parallelism": 0, **_POLICY, **kept[policy]}
    return kept


def refuse_forbidden(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuses the changes that Swarm never makes to a service that exists.

    Raises:
        Refused: the name or the mode changes.
    """
    if old["Name"] != new.get("Name"):
        raise Refused("renaming services is not supported")
    if set(old["Mode"]) != set(new["Mode"]):
        raise Refused("service mode change is not allowed")


def task_spec(spec: Mapping[str, Any]) -> JsonObject:
    """The TaskSpec of tasks made from a service's spec: it names no runtime."""
    return {key: value for key, value in spec["TaskTemplate"].items() if key != "Runtime"}


def dirty(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether going from one spec to another restarts tasks."""
    return any(old.get(key) != new.get(key) for key in ("TaskTemplate", "EndpointSpec"))


def _network(named: str, ids: Mapping[str, str]) -> str:
    if named in ids.values():
        return named
    if named not in ids:
        raise Refused(f"network {named} not found")
    return ids[named]


def _fill_mode(spec: JsonObject) -> None:
    mode = spec.get("Mode") or {"Replicated": {}}
    if mode.get("Replicated") is not None:
        mode = {"Replicated": {"Replicas": 1, **mode["Replicated"]}}
    spec["Mode"] = mode
