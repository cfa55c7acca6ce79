"""A field-level drift: what was wanted, what was found, and where the wish was declared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from desired_state.objects import JsonObject, Origin
from desired_state.secret_names import is_secret_name

ABSENT: Final = "<absent>"


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that is not as declared.

    Attributes:
        path: dotted path in the object, e.g. `spec.replicas` or `spec.env.LOG_LEVEL`.
        want: the declared value, JSON-like; `ABSENT` where the field should not exist.
        got: the value found, JSON-like; `ABSENT` where there is none.
        origin: where the wish was declared; None for an object that no file declares.
        restarts: whether putting it right restarts tasks.
    """

    path: str
    want: Any
    got: Any
    origin: Origin | None = None
    restarts: bool = False

    def __str__(self) -> str:
        """`spec.replicas: want 3, got 5 (services.yaml:12@3f2a91c)`."""
        source = f" ({self.origin})" if self.origin else ""
        return f"{self.path}: want {_show(self.want)}, got {_show(self.got)}{source}"

    def as_status(self) -> JsonObject:
        """The shape of one entry of `status.drift`."""
        return {
            "path": self.path,
            "want": _show(self.want),
            "got": _show(self.got),
            "origin": str(self.origin) if self.origin else "",
        }


def masked(name: str, value: Any) -> Any:
    """A value that is safe to show: fields named like secrets become a short fingerprint.

    Args:
        name: name of the field or environment variable.
        value: its JSON-like value.
    """
    if value == ABSENT or not is_secret_name(name):
        return value
    return f"sha256:{hashlib.sha256(str(value).encode()).hexdigest()[:8]}…"


def mask_document(document: Mapping[str, Any]) -> JsonObject:
    """A copy of a JSON-like document with every value that is named like a secret masked."""
    return {
        key: mask_document(value) if isinstance(value, Mapping) else masked(key, value)
        for key, value in document.items()
    }


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
