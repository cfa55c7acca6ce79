"""The API's refusals, worded as Kubernetes words them, so that clients and people recognise them."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkeeper.apiserver.catalogue import ResourceType
from swarmkeeper.runtime.ports import ApiError


def not_found(type_: ResourceType, name: str) -> ApiError:
    """404: there is no such object."""
    return ApiError(404, "NotFound", f'{type_.resource} "{name}" not found')


def already_exists(type_: ResourceType, name: str) -> ApiError:
    """409: there is such an object."""
    message = f'{type_.resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details={"name": name})


def conflict(type_: ResourceType, name: str, why: str = "") -> ApiError:
    """409: the caller looked at another version of the object."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {type_.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message)


def invalid(type_: ResourceType, name: str, causes: Sequence[tuple[str, str]]) -> ApiError:
    """422: fields are not as they must be.

    Args:
        type_: resource of the object.
        name: name of the object, or empty.
        causes: (field path, message) pairs.
    """
    lines = [f"{field}: {message}" for field, message in causes]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    message = f'{type_.qualified_kind} "{name}" is invalid: {text}'
    details = {"kind": type_.kind, "name": name}
    return ApiError(422, "Invalid", message, causes=causes, details=details)


def field_required(what: str, field: str, why: str) -> ApiError:
    """422: a parameter is missing.

    Args:
        what: kind of the options, e.g. `PatchOptions.meta.k8s.io`.
        field: name of the parameter.
        why: when it is needed.
    """
    message = f'{what} "" is invalid: {field}: Required value: is required {why}'
    return ApiError(422, "Invalid", message, causes=[(field, f"Required value: is required {why}")])


def bad_request(message: str) -> ApiError:
    """400: the request makes no sense."""
    return ApiError(400, "BadRequest", message)


def forbidden(type_: ResourceType, name: str, why: str) -> ApiError:
    """403: the caller may not do this."""
    return ApiError(403, "Forbidden", f'{type_.resource} "{name}" is forbidden: {why}')


def too_large(message: str) -> ApiError:
    """413: the request, or the object it would make, is too large."""
    return ApiError(413, "RequestEntityTooLarge", message)


def expired(message: str) -> ApiError:
    """410: the history asked for is gone; the client lists again."""
    return ApiError(410, "Expired", message)


def unsupported(message: str) -> ApiError:
    """415: a body of this type is not taken."""
    return ApiError(415, "UnsupportedMediaType", message)
