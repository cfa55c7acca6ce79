"""`Status`: what the API answers when there is no object to answer with."""

from __future__ import annotations

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.runtime.ports import ApiError

_CAUSES = {"Conflict": "FieldManagerConflict"}
_CAUSE = "FieldValueInvalid"


def failure(error: ApiError, address: Address | None = None) -> JsonObject:
    """The document of a refusal.

    Args:
        error: what was refused, and why.
        address: what the request was about, where it was about a resource.
    """
    details = _details(address) | error.details
    if error.causes:
        details["causes"] = [
            {
                "reason": _CAUSES.get(error.reason, _CAUSE),
                "message": message,
                "field": field,
            }
            for field, message in error.causes
        ]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "details": details,
        "code": error.code,
    }


def success(address: Address, uid: str = "") -> JsonObject:
    """The document that says that a deletion is done.

    Args:
        address: what was deleted.
        uid: identity of the object; kubectl waits for this one to be gone.
    """
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(address) | ({"uid": uid} if uid else {}),
    }


def _details(address: Address | None) -> JsonObject:
    if address is None:
        return {}
    given = {"name": address.name, "group": address.group, "kind": address.plural}
    return {key: value for key, value in given.items() if value}
