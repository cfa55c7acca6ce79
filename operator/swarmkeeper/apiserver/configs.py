"""The body of a server-side apply: one object in YAML, or in JSON, as kubectl sends it."""

from __future__ import annotations

from typing import Any, Final

import orjson

from desired_state.objects import JsonObject
from desired_state.yaml_documents import read_documents
from swarmkeeper.apiserver.applying import Applied
from swarmkeeper.apiserver.managers import MANAGED
from swarmkeeper.apiserver.problems import bad_request, field_required

APPLY: Final = "application/apply-patch+yaml"
_MAX_MANAGER: Final = 128  # characters, as in Kubernetes


def read_apply(raw: bytes, name: str, manager: str, *, force: bool) -> Applied:
    """What a client wants to own; reading much YAML takes a while.

    Args:
        raw: body of the request.
        name: of the object, by the address.
        manager: as the client calls itself.
        force: take over what others own.

    Raises:
        ApiError: 400 for what is no object, 422 without a manager.
    """
    if not manager:
        raise field_required("PatchOptions.meta.k8s.io", "fieldManager", "for an apply patch")
    if len(manager) > _MAX_MANAGER:
        raise bad_request(f"fieldManager may have {_MAX_MANAGER} characters at most")
    config = _document(raw)
    metadata = config.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name", name) != name:
        raise bad_request(f"metadata.name must be {name!r}, as in the address")
    if metadata.get(MANAGED):
        raise bad_request(f"metadata.{MANAGED} must be nil")
    for field in ("apiVersion", "kind"):
        if not config.get(field):
            raise bad_request(f"{field} must be set")
    return Applied(manager, config, force)


def _document(raw: bytes) -> JsonObject:
    value = _value(raw)
    if not isinstance(value, dict):
        raise bad_request("the body must be one object, in YAML")
    return value


def _value(raw: bytes) -> Any:
    if raw.lstrip().startswith(b"{"):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass  # YAML may begin so, too
    try:
        documents, fault = read_documents(raw.decode())
    except UnicodeDecodeError:
        raise bad_request("the body is no UTF-8") from None
    faults = [*(documents[0].faults if documents else ()), *([fault] if fault else [])]
    if faults:
        raise bad_request(f"the body is no YAML: line {faults[0].line}: {faults[0].message}")
    return documents[0].value if len(documents) == 1 else None
