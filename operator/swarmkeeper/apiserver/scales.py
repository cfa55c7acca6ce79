"""The subresource `scale`: one number of an object, for `kubectl scale` and autoscalers.

Source: https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/ (Scale v1)
"""

from __future__ import annotations

from typing import Any, Final

from desired_state.objects import JsonObject
from desired_state.scheme import ScalePaths
from swarmkeeper.apiserver import jsonpath
from swarmkeeper.apiserver.catalogue import ResourceType
from swarmkeeper.apiserver.problems import bad_request, invalid

SCALE: Final = "scale"
GROUP: Final = "autoscaling"
VERSION: Final = "v1"
KIND: Final = "Scale"
_SHOWN: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(paths: ScalePaths, obj: JsonObject) -> JsonObject:
    """The Scale of an object; a number that nobody declared is left out.

    Args:
        paths: where its kind keeps the numbers.
        obj: as stored.
    """
    wanted = jsonpath.first(paths.spec_replicas, obj)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {k: v for k, v in obj["metadata"].items() if k in _SHOWN},
        "spec": {} if wanted is None else {"replicas": wanted},
        "status": {"replicas": jsonpath.first(paths.status_replicas, obj) or 0},
    }


def scaled(type_: ResourceType, paths: ScalePaths, obj: JsonObject, scale: Any) -> JsonObject:
    """The object with the number of a Scale, under the version that the Scale names.

    Args:
        type_: its resource.
        paths: where its kind keeps the numbers.
        obj: as stored; not changed.
        scale: what the client wants.

    Raises:
        ApiError: 400 for what is no Scale, 422 for what is no number of replicas.
    """
    metadata, spec = scale.get("metadata", {}), scale.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise bad_request("the body is no Scale: metadata and spec must be maps")
    replicas = spec.get("replicas")
    if type(replicas) is not int or replicas < 0:
        cause = ("spec.replicas", "must be a whole number, 0 or more")
        raise invalid(type_, obj["metadata"]["name"], [cause])
    named = {field: metadata[field] for field in _SHOWN if metadata.get(field)}
    changed = _put(obj, paths.spec_replicas.strip(".").split("."), replicas)
    return {**changed, "metadata": {**obj["metadata"], **named}}


def _put(node: Any, path: list[str], value: int) -> JsonObject:
    """A copy with one value set; what is not touched is shared."""
    below = dict(node) if isinstance(node, dict) else {}
    first, *rest = path
    below[first] = _put(below.get(first), rest, value) if rest else value
    return below
