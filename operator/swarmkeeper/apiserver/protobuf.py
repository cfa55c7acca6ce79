"""Kubernetes' protobuf bodies, as far as kubectl sends them for the built-in kinds that we serve.

Field numbers are those of Kubernetes' generated.proto files; the envelope is described in
https://kubernetes.io/docs/reference/using-api/api-concepts/#kubernetes-protobuf-encoding
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.problems import bad_request, unsupported

PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\0"
_MAP: Final = "map"
_TEXT: Final = "text"
_TEXTS: Final = "texts"
_FIXED: Final = {1: 8, 5: 4}  # bytes of numbers of fixed length, by wire type

Message = Mapping[int, tuple[str, Any]]
"""Name and form of each field: text, texts, a map of text, or another message."""

_ENVELOPE: Final[Message] = {1: ("type", {1: ("apiVersion", _TEXT), 2: ("kind", _TEXT)})}
_RAW: Final = 2  # field of the envelope that holds the object
_METADATA: Final[Message] = {
    1: ("name", _TEXT),
    2: ("generateName", _TEXT),
    3: ("namespace", _TEXT),
    11: ("labels", _MAP),
    12: ("annotations", _MAP),
}
_RESOURCE: Final[Message] = {
    1: ("namespace", _TEXT),
    2: ("verb", _TEXT),
    3: ("group", _TEXT),
    4: ("version", _TEXT),
    5: ("resource", _TEXT),
    6: ("subresource", _TEXT),
    7: ("name", _TEXT),
}
_PATH: Final[Message] = {1: ("path", _TEXT), 2: ("verb", _TEXT)}
_ACCESS: Final[Message] = {
    1: ("resourceAttributes", _RESOURCE),
    2: ("nonResourceAttributes", _PATH),
}
_KINDS: Final[Mapping[str, Message]] = {
    "Namespace": {1: ("metadata", _METADATA)},
    "SelfSubjectAccessReview": {2: ("spec", _ACCESS)},
    "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", _TEXT)})},
    "SelfSubjectReview": {},
    "DeleteOptions": {4: ("propagationPolicy", _TEXT), 5: ("dryRun", _TEXTS)},
}


def decode(body: bytes) -> JsonObject:
    """The object in a protobuf body.

    Raises:
        ApiError: 415 for a kind that is taken in JSON alone, 400 for what can't be read.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("the body is no protobuf of Kubernetes")
    envelope = body[len(_MAGIC) :]
    try:
        type_ = _message(envelope, _ENVELOPE).get("type", {})
        raw = next((value for number, value in _fields(envelope) if number == _RAW), b"")
        kind = type_.get("kind", "")
        if kind not in _KINDS:
            raise unsupported(
                f"{kind or 'this kind'} is taken as application/json, not as protobuf"
            )
        return {**type_, **_message(raw, _KINDS[kind])}
    except (IndexError, UnicodeDecodeError, ValueError):
        raise bad_request("the body is no protobuf of Kubernetes") from None


def _message(data: bytes, message: Message) -> JsonObject:
    found: JsonObject = {}
    for number, value in _fields(data):
        name, form = message.get(number, ("", None))
        if form == _TEXT:
            found[name] = value.decode()
        elif form == _TEXTS:
            found.setdefault(name, []).append(value.decode())
        elif form == _MAP:
            entry = {n: v.decode() for n, v in _fields(value)}
            found.setdefault(name, {})[entry.get(1, "")] = entry.get(2, "")
        elif form is not None:
            found[name] = _message(value, form)
    return {name: value for name, value in found.items() if value != ""}


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields that hold bytes; numbers are passed over.

    Raises:
        ValueError: the data end too early, or have a form that protobuf does not have.
        IndexError: the same.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            _, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("too short")
            yield tag >> 3, data[at : at + length]
            at += length
        elif tag & 7 in _FIXED:
            at += _FIXED[tag & 7]
        else:
            raise ValueError("no such wire type")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("too long")
