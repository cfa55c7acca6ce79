"""Checks what clients write: names, metadata, and the spec by the model of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from desired_state.fields import DNS_LABEL
from desired_state.objects import JsonObject
from desired_state.validation import validate
from swarmkeeper.apiserver.catalogue import ResourceType
from swarmkeeper.apiserver.problems import invalid

Cause = tuple[str, str]

_SUBDOMAIN: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL: Final = re.compile(DNS_LABEL)
_QUALIFIED: Final = re.compile(
    r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_LABEL_VALUE: Final = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
_MAX_ANNOTATIONS: Final = 256 * 2**10  # bytes, as in Kubernetes
_MAX_LABEL_NAME: Final = 63
_MAX_SUBDOMAIN: Final = 253
_OWNER_FIELDS: Final = ("apiVersion", "kind", "name", "uid")

_TOP_LEVEL: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_METADATA: Final = frozenset(
    {
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "uid",
    }
)


def check_object(type_: ResourceType, obj: JsonObject) -> None:
    """Checks all but the spec.

    Raises:
        ApiError: 422, with a cause for each field.
    """
    causes = list(_metadata(type_, obj["metadata"]))
    if type_.spec is not None:
        causes += [(name, "unknown field") for name in obj.keys() - _TOP_LEVEL]
    if causes:
        raise invalid(type_, obj["metadata"].get("name", ""), sorted(causes))


def check_spec(type_: ResourceType, obj: JsonObject) -> None:
    """Checks the spec by the model of the kind.

    Raises:
        ApiError: 422, with a cause for each field.
    """
    if type_.spec is None:
        return
    _, violations = validate(type_.spec, obj.get("spec") or {})
    if violations:
        causes = [(_path(violation.path), violation.message) for violation in violations]
        raise invalid(type_, obj["metadata"].get("name", ""), causes)


def is_name(text: str) -> bool:
    """Whether a text may be part of a path in the API."""
    return len(text) <= _MAX_SUBDOMAIN and _SUBDOMAIN.match(text) is not None


def _path(location: tuple[int | str, ...]) -> str:
    path = "spec"
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _metadata(type_: ResourceType, metadata: JsonObject) -> Iterator[Cause]:
    for field in metadata.keys() - _METADATA:
        yield f"metadata.{field}", "unknown field"
    name = metadata.get("name")
    if not isinstance(name, str) or not _is_name_of(type_, name):
        yield "metadata.name", "must be lower case letters, digits and '-' (RFC 1123)"
    namespace = metadata.get("namespace", "default")
    if not isinstance(namespace, str) or not _is_label(namespace):
        yield "metadata.namespace", "must be lower case letters, digits and '-' (RFC 1123)"
    yield from _labels(metadata.get("labels", {}))
    yield from _annotations(metadata.get("annotations", {}))
    yield from _finalizers(metadata.get("finalizers", []))
    yield from _owners(metadata.get("ownerReferences", []))


def _is_label(text: str) -> bool:
    return len(text) <= _MAX_LABEL_NAME and _LABEL.match(text) is not None


def _is_name_of(type_: ResourceType, text: str) -> bool:
    return is_name(text) if type_.spec is None else _is_label(text)


def _labels(labels: Any) -> Iterator[Cause]:
    if not _is_text_map(labels):
        yield "metadata.labels", "must map text to text"
        return
    for key, value in labels.items():
        if _QUALIFIED.match(key) is None:
            yield "metadata.labels", f"{key!r} is no name of a label"
        if _LABEL_VALUE.match(value) is None:
            yield f"metadata.labels[{key}]", f"{value!r} is no value of a label"


def _annotations(annotations: Any) -> Iterator[Cause]:
    if not _is_text_map(annotations):
        yield "metadata.annotations", "must map text to text"
        return
    for key in annotations:
        if _QUALIFIED.match(key.lower()) is None:
            yield "metadata.annotations", f"{key!r} is no name of an annotation"
    if sum(len(key) + len(value) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        yield "metadata.annotations", f"may hold {_MAX_ANNOTATIONS} characters at most"


def _finalizers(finalizers: Any) -> Iterator[Cause]:
    if not isinstance(finalizers, list) or not all(isinstance(f, str) for f in finalizers):
        yield "metadata.finalizers", "must be a list of names"
        return
    for finalizer in finalizers:
        if _QUALIFIED.match(finalizer) is None:
            yield "metadata.finalizers", f"{finalizer!r} is no name of a finalizer"


def _owners(owners: Any) -> Iterator[Cause]:
    if not isinstance(owners, list) or not all(isinstance(owner, dict) for owner in owners):
        yield "metadata.ownerReferences", "must be a list of references"
        return
    for number, owner in enumerate(owners):
        for field in _OWNER_FIELDS:
            if not isinstance(owner.get(field), str) or not owner[field]:
                yield f"metadata.ownerReferences[{number}].{field}", "must be given"


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
