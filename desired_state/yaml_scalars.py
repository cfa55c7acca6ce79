"""How plain words of YAML are read: the rules of Kubernetes' tools, not all those of YAML 1.1.

`12:30`, `2026-01-01` and `1e3` stay text, `0644` is octal, `yes` and `on` are true.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import yaml

TAG: Final = "tag:yaml.org,2002:"
MERGE: Final = f"{TAG}merge"

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TRUE: Final = frozenset({"yes", "true", "on"})
_FALSE: Final = frozenset({"no", "false", "off"})
_WORDS: Final = sorted(
    spelling for word in _TRUE | _FALSE for spelling in (word, word.capitalize(), word.upper())
)
_RULES: Final = (
    ("bool", "|".join(_WORDS), "yYnNtTfFoO"),
    ("int", r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?((\d[\d_]*\.[\d_]*|\.\d[\d_]*)([eE][-+]\d+)?|\.(?i:inf))|\.(?i:nan)",
        "-+0123456789.",
    ),
    ("null", "~|null|Null|NULL", "~nN"),
    ("merge", "<<", "<"),
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    table = {"": [(f"{TAG}null", re.compile(""))]}
    for name, pattern, first in _RULES:
        rule = (TAG + name, re.compile(rf"(?:{pattern})\Z"))
        for letter in first:
            table.setdefault(letter, []).append(rule)
    return table


class Composer(_Base):  # type: ignore[misc]
    """Turns text into nodes with marks; uses libyaml where it is there."""

    yaml_implicit_resolvers = _resolvers()


def scalar_value(node: yaml.ScalarNode) -> Any:
    """The JSON value of a scalar.

    Raises:
        ValueError: there is none; the message says why.
    """
    tag = node.tag.removeprefix(TAG)
    read = _READERS.get(tag)
    if read is None:
        raise ValueError(f"the tag {node.tag} is not supported: write plain text")
    try:
        return read(node.value)
    except (ValueError, KeyError) as error:
        words = str(error) if isinstance(error, _NoJsonError) else f"is not of the type {tag}"
        raise ValueError(words) from None


class _NoJsonError(ValueError):
    """A number that JSON can't hold."""


def _bool(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _int(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > 64:
        raise _NoJsonError("is too large for a number: if it is text, write it in quotes")
    plain = digits.lstrip("+-")
    octal = len(plain) > 1 and plain[0] == "0" and plain[1].isdigit()
    number = int(plain, 8) if octal else int(plain, 0)
    if number >= 2**63:
        raise _NoJsonError("is too large for a number: if it is text, write it in quotes")
    return -number if digits.startswith("-") else number


def _float(text: str) -> float:
    number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise _NoJsonError("is no finite number: if it is text, write it in quotes")
    return number


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "str": str,
    "!": str,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "null": lambda _: None,
    "merge": str,
}
