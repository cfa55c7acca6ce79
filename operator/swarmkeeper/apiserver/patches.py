"""The two patches that clients send: JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonpatch
import jsonpointer
import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.problems import bad_request, too_large
from swarmkeeper.runtime.ports import ApiError

MAX_OPERATIONS: Final = 10_000
MAX_BYTES: Final = 3 * 2**20
"""Largest object, in bytes of JSON; the limit that Kubernetes has for a request."""


def merge(target: Any, patch: Any) -> Any:
    """Applies a merge patch: null removes, objects merge, all else replaces.

    The target is not changed; the result shares the parts that the patch does not touch.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_operations(target: JsonObject, operations: Any) -> JsonObject:
    """Applies a JSON patch to a copy of the target.

    Args:
        target: the object; not changed.
        operations: the decoded body of the request.

    Raises:
        ApiError: 400 for what is no patch, 422 for one that can't be applied (a failed `test`
            too, as Kubernetes answers), 413 where it is or makes something too large.
    """
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise too_large(f"a JSON patch may have {MAX_OPERATIONS} operations at most")
    result: Any = orjson.loads(orjson.dumps(target))
    for operation in operations:
        result = _apply(result, operation)
    if not isinstance(result, dict):
        raise bad_request("the patch leaves no object")
    return result


def _apply(target: Any, operation: Any) -> Any:
    try:
        result = jsonpatch.JsonPatch([operation]).apply(target, in_place=True)
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(f"not a JSON patch: {error}") from error
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        AttributeError,
        TypeError,
        ValueError,
    ) as error:
        raise ApiError(422, "Invalid", f"the patch can't be applied: {error}") from error
    if operation["op"] == "copy" and len(orjson.dumps(result)) > MAX_BYTES:
        raise too_large("the patch makes the object too large")
    return result
