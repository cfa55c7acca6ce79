"""What the API itself writes into an object: identity, generation, deletion. Pure functions.

Source: Kubernetes API conventions, "Metadata" and "Spec and Status"
(https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.catalogue import NAMESPACE, ResourceType
from swarmkeeper.apiserver.patches import MAX_BYTES
from swarmkeeper.apiserver.problems import bad_request, conflict, invalid, too_large

_DROPPED: Final = ("managedFields", "selfLink")  # neither kept nor an error
_KEPT: Final = (  # what a client can't change
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "managedFields",
)
_NORMALIZED: Final = ("labels", "annotations", "finalizers", "ownerReferences", "generateName")
_NO_OBJECT: Final = "the body is no object: metadata must be a map"


def created(type_: ResourceType, body: JsonObject, *, uid: str, now: datetime) -> JsonObject:
    """A new object from a request: system fields set, status dropped.

    Args:
        type_: its resource.
        body: the request, with the final name.
        uid: identity.
        now: time of creation.

    Raises:
        ApiError: 400 for a body that is no object of this kind.
    """
    metadata = _metadata(body)
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for field in (*_KEPT, "namespace"):
        metadata.pop(field, None)
    if type_.namespaced:
        metadata["namespace"] = body["metadata"]["namespace"]
    metadata |= {"uid": uid, "creationTimestamp": timestamp(now)}
    if type_.spec is not None:
        metadata["generation"] = 1
    obj = _typed(type_, body) | {"metadata": metadata}
    if type_.has_status:
        obj.pop("status", None)
        obj["spec"] = _map(type_, obj, "spec")
    if type_ is NAMESPACE:
        obj["status"] = {"phase": "Active"}
    return obj


def updated(type_: ResourceType, old: JsonObject, new: JsonObject) -> JsonObject:
    """The object after a write to all but its status.

    Args:
        type_: its resource.
        old: as stored.
        new: as the client wants it.

    Raises:
        ApiError: 400 or 409 where `new` is another object or from another version, 422 for finalizers
            added to a terminating object.
    """
    _check_identity(type_, old, new)
    before = old["metadata"]
    metadata = _metadata(new)
    for field in _KEPT:
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)
    _check_finalizers(type_, before, metadata)
    obj = _typed(type_, new) | {"metadata": metadata}
    if type_.has_status:
        obj["spec"] = _map(type_, obj, "spec")
        obj.pop("status", None)
        if "status" in old:
            obj["status"] = old["status"]
    if type_.spec is not None and spec_changed(old, obj):
        metadata["generation"] = before["generation"] + 1
    return obj


def with_status(type_: ResourceType, old: JsonObject, new: JsonObject) -> JsonObject:
    """The object after a write to its status alone.

    Raises:
        ApiError: as `updated`.
    """
    _check_identity(type_, old, new)
    if "status" not in new:
        return {key: value for key, value in old.items() if key != "status"}
    return {**old, "status": _map(type_, new, "status")}


def terminating(old: JsonObject, now: datetime) -> JsonObject:
    """The object once its deletion was asked for and finalizers hold it."""
    deletion = {"deletionGracePeriodSeconds": 0, "deletionTimestamp": timestamp(now)}
    return {**old, "metadata": {**old["metadata"], **deletion}}


def is_finished(obj: JsonObject) -> bool:
    """Whether a terminating object has nothing left that holds it."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and not metadata.get("finalizers")


def spec_changed(old: JsonObject, new: JsonObject) -> bool:
    """Whether the specs differ, as JSON: 1 is not true, order of keys is nothing."""
    return not same(old.get("spec"), new.get("spec"))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; unlike `==`, 1 is not true and 1.0 is not 1."""
    if one is other:
        return True
    if one != other:
        return False
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        other, option=orjson.OPT_SORT_KEYS
    )


def encode(obj: JsonObject, revision: int) -> bytes:
    """Serialises an object as the version of a revision.

    Raises:
        ApiError: 400 for what JSON can't hold, 413 for too much of it.
    """
    versioned = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}
    try:
        value = orjson.dumps(versioned)
    except TypeError as error:  # nested too deeply, a lone surrogate, no JSON value
        raise bad_request(f"the object can't be written as JSON: {error}") from error
    if len(value) > MAX_BYTES:
        raise too_large(f"an object may have {MAX_BYTES} bytes at most")
    return value


def timestamp(now: datetime) -> str:
    """RFC 3339 with seconds, as in metadata."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _metadata(body: JsonObject) -> JsonObject:
    given = body.get("metadata")
    if not isinstance(given, dict):
        raise bad_request(_NO_OBJECT)
    metadata = {key: value for key, value in given.items() if key not in _DROPPED}
    for field in _NORMALIZED:
        if not metadata.get(field, True):
            del metadata[field]
    return metadata


def _typed(type_: ResourceType, body: JsonObject) -> JsonObject:
    for field, want in (("apiVersion", type_.api_version), ("kind", type_.kind)):
        if body.get(field, want) != want:
            raise bad_request(f"{field} must be {want}, not {body[field]!r}")
    return {"apiVersion": type_.api_version, "kind": type_.kind, **body}


def _map(type_: ResourceType, obj: JsonObject, field: str) -> JsonObject:
    value = obj.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(type_, str(obj["metadata"].get("name", "")), [(field, "must be a map")])
    return value


def _check_identity(type_: ResourceType, old: JsonObject, new: JsonObject) -> None:
    before, after = old["metadata"], new.get("metadata")
    if not isinstance(after, dict):
        raise bad_request(_NO_OBJECT)
    for field in ("name", "namespace"):
        if after.get(field, before.get(field)) != before.get(field):
            raise bad_request(f"metadata.{field} {after[field]!r} does not match the address")
    name = before["name"]
    if after.get("uid", before["uid"]) != before["uid"]:
        raise conflict(
            type_, name, f"the UID in the request, {after['uid']!r}, is another object's"
        )
    if after.get("resourceVersion") not in (None, "", before["resourceVersion"]):
        raise conflict(type_, name)


def _check_finalizers(type_: ResourceType, before: JsonObject, after: JsonObject) -> None:
    finalizers = after.get("finalizers", [])
    if "deletionTimestamp" not in before or not isinstance(finalizers, list):
        return
    if any(finalizer not in before.get("finalizers", []) for finalizer in finalizers):
        cause = "no new finalizers can be added if the object is being deleted"
        raise invalid(type_, before["name"], [("metadata.finalizers", cause)])
