"""Swarm's defaults and spellings: what must not look like drift, and how values are shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from desired_state.fields import format_duration
from swarmkeeper.runtime.diff import ABSENT, masked

_OPERATOR: Final = re.compile(r"\s*(==|!=)\s*")
_PASSWORD_IN_URL: Final = re.compile(r"(://[^/@\s:]*:)([^@\s]+)(@)")
_OPTION: Final = re.compile(r"^-{0,2}([\w.-]+)=(.*)$", re.DOTALL)
_BARE_OPTION: Final = re.compile(r"^-{1,2}([\w.-]+)$")


def nanoseconds(value: timedelta) -> int:
    """The engine's unit of time."""
    return (value // timedelta(microseconds=1)) * 1000


def image_name(image: str, *, digest: bool) -> str:
    """One spelling of an image: no default registry, an explicit tag.

    Args:
        image: as declared or as the engine has it, e.g. `docker.io/library/redis@sha256:...`.
        digest: False drops a digest that the engine pinned.
    """
    name, _, pinned = image.partition("@")
    for prefix in ("index.docker.io/", "docker.io/", "library/"):
        name = name.removeprefix(prefix)
    if ":" not in name.rpartition("/")[2] and not (digest and pinned):
        name += ":latest"
    return f"{name}@{pinned}" if digest and pinned else name


def constraint(text: str) -> str:
    """One spelling of a placement constraint: `node.role==worker`."""
    return _OPERATOR.sub(r"\1", text.strip())


def constraints(texts: Iterable[str]) -> list[str]:
    """Constraints in one spelling and one order."""
    return sorted({constraint(text) for text in texts})


def show_duration(value: Any) -> Any:
    """Nanoseconds the way people write them."""
    if not isinstance(value, int) or value % 1_000_000:
        return value
    return format_duration(timedelta(milliseconds=value // 1_000_000))


def show_cpus(value: Any) -> Any:
    """Billionths of a core the way people write them."""
    if not isinstance(value, int) or value % 1_000_000:
        return value
    return f"{value // 1_000_000}m"


def show_bytes(value: Any) -> Any:
    """Bytes the way people write them."""
    if not isinstance(value, int) or value == 0:
        return value
    for suffix, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if value % size == 0:
            return f"{value // size}{suffix}"
    return value


def show_setting(name: str, value: Any) -> Any:
    """A variable or label that is safe to show: secrets become fingerprints.

    Args:
        name: its name; one that sounds like a secret hides the value.
        value: its value; a password inside a URL is hidden whatever the name.
    """
    if not isinstance(value, str) or value == ABSENT:
        return value
    shown = masked(name, value)
    return shown if shown != value else _PASSWORD_IN_URL.sub(_fingerprint, value)


def show_arguments(values: Any) -> Any:
    """A command line that is safe to show: `--password=x` and `--password x` are hidden."""
    if not isinstance(values, list):
        return values
    shown, option = [], ""
    for value in map(str, values):
        bare, pair = _BARE_OPTION.match(value), _OPTION.match(value)
        if pair:
            hidden = show_setting(pair[1], pair[2])
            shown.append(value[: pair.start(2)] + hidden)
        else:
            shown.append(value if bare else show_setting(option, value))
        option = bare[1] if bare else ""
    return shown


def _fingerprint(match: re.Match[str]) -> str:
    digest = hashlib.sha256(match[2].encode()).hexdigest()[:8]
    return f"{match[1]}sha256:{digest}…{match[3]}"
