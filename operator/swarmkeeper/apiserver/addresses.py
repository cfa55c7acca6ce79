"""Reads Kubernetes' addresses: `/apis/{group}/{version}/namespaces/{ns}/{plural}/{name}/{subresource}`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """What a path names.

    Attributes:
        group: API group; empty for the core group.
        version: API version.
        plural: the resource.
        namespace: None for all namespaces, or for a resource without them.
        name: None for the collection.
        subresource: e.g. `status`, or None.
    """

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None


def parse(path: str) -> Address | None:
    """The resource that a path names, or None where it names none.

    Args:
        path: decoded path of the request.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        return _resource("", parts[1], parts[2:])
    if parts[0] == "apis" and len(parts) > 3:
        return _resource(parts[1], parts[2], parts[3:])
    return None


def _resource(group: str, version: str, parts: list[str]) -> Address | None:
    namespace = None
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    if len(parts) > 3 or not all(parts):
        return None
    name = parts[1] if len(parts) > 1 else None
    subresource = parts[2] if len(parts) > 2 else None
    return Address(group, version, parts[0], namespace, name, subresource)
