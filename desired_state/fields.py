"""Field types that specs share: durations, quantities and names, written as in Kubernetes.

They parse to plain Python values and describe themselves in JSON Schema as the strings people write.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
DURATION_PATTERN: Final = r"^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$"

_SUFFIXES: Final = {
    "": 1,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_BYTES: Final = re.compile(r"^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|K|M|G|T|)$")
_CPUS: Final = re.compile(r"^(\d+m|\d+(?:\.\d+)?)$")


def parse_duration(value: object) -> timedelta:
    """Reads a Go duration such as `30s`, `1h30m` or `500ms` (as Kubernetes and Flux write them).

    Raises:
        ValueError: the text is not a duration.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value)
    if text == "0":
        return timedelta(0)
    if not isinstance(value, str) or re.fullmatch(DURATION_PATTERN, text) is None:
        raise ValueError(f"{text!r} is not a duration: write it like 30s, 5m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Writes a duration the way people declare it: `1h30m`, `45s`, `500ms`."""
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_bytes(value: object) -> int:
    """Reads a memory quantity such as `256Mi`, `1G` or `512M` to bytes.

    Raises:
        ValueError: the text is not a quantity of bytes.
    """
    match = _BYTES.match(str(value)) if not isinstance(value, bool) else None
    if match is None:
        raise ValueError(f"{value!r} is not an amount of memory: write it like 256Mi or 1G")
    return int(float(match[1]) * _SUFFIXES[match[2]])


def format_bytes(value: int) -> str:
    """Writes an amount of memory the way people declare it: `256Mi`, `1Gi`, or plain bytes."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if value and value % _SUFFIXES[suffix] == 0:
            return f"{value // _SUFFIXES[suffix]}{suffix}"
    return str(value)


def parse_nano_cpus(value: object) -> int:
    """Reads a CPU quantity such as `500m`, `0.5` or `2` to billionths of a core (Swarm's unit).

    Raises:
        ValueError: the text is not a quantity of CPUs.
    """
    text = str(value)
    if isinstance(value, bool) or _CPUS.match(text) is None:
        raise ValueError(f"{value!r} is not an amount of CPU: write it like 500m or 0.5")
    if text.endswith("m"):
        return int(text[:-1]) * 10**6
    return round(float(text) * 10**9)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""A length of time, declared as `30s`, `5m`, `1h30m`."""

Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(format_bytes, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
"""An amount of memory in bytes, declared as `256Mi` or `1G`."""

NanoCpus = Annotated[
    int,
    BeforeValidator(parse_nano_cpus),
    PlainSerializer(lambda value: f"{value // 10**6}m", return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}),
]
"""An amount of CPU in billionths of a core, declared as `500m` or `0.5`."""

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DnsLabel = Annotated[str, StringConstraints(pattern=DNS_LABEL, max_length=63)]
"""A name as RFC 1123 labels have it: lower case letters, digits and hyphens."""

LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE, max_length=63)]
"""The value of a label, as Kubernetes has it; may be empty."""

QUALIFIED_NAME: Final = (
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
QualifiedName = Annotated[str, StringConstraints(pattern=QUALIFIED_NAME)]
"""The name of a label or an annotation: `tier` or `example.org/tier`."""
