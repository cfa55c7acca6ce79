"""Reading and writing one place of a ServiceSpec, the engine's own JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from desired_state.objects import JsonObject

Path = tuple[str, ...]
_MAPS: Final = (dict, Mapping)  # a dict is recognised at once, other mappings by the slow way

TEMPLATE: Final[Path] = ("TaskTemplate",)
CONTAINER: Final[Path] = ("TaskTemplate", "ContainerSpec")

# Where a policy is absent the engine replaces one task at a time; where it is there without a
# parallelism, all at once. So a policy that we create has to say what held before.
_SEEDS: Final[Mapping[str, JsonObject]] = {
    "UpdateConfig": {"Parallelism": 1},
    "RollbackConfig": {"Parallelism": 1},
}


def dig(document: Mapping[str, Any], path: Sequence[str], default: Any = None) -> Any:
    """The value at a path; `default` where it, or anything on the way, is absent or null."""
    value: Any = document
    for key in path:
        if not isinstance(value, _MAPS) or value.get(key) is None:
            return default
        value = value[key]
    return value


def put(document: JsonObject, path: Sequence[str], value: Any) -> None:
    """Sets the value at a path, in place; what is missing on the way is created."""
    for key in path[:-1]:
        if document.get(key) is None:
            document[key] = dict(_SEEDS.get(key, {}))
        document = document[key]
    document[path[-1]] = value


def labels(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """The service's labels (not those of its containers)."""
    found: Mapping[str, str] = dig(spec, ("Labels",), {})
    return found
