"""Values and pydantic's errors in plain words: what was wanted and what was given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sized
from typing import Any, Final

from desired_state.fields import DNS_LABEL, LABEL_VALUE, QUALIFIED_NAME
from desired_state.suggest import as_dns_label, did_you_mean

_LONGEST: Final = 60

_WANTED: Final = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dataclass_type": "a mapping (key: value)",
    "is_instance_of": "a mapping (key: value)",
    "none_required": "left out",
}
_LIMITS: Final = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "multiple_of": "must be a multiple of {multiple_of}",
}
_SIZES: Final = {
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
}
_PATTERNS: Final = {
    DNS_LABEL: "must be lower case letters, digits and '-' inside (RFC 1123)",
    LABEL_VALUE: "must be letters, digits and '-', '_', '.' inside",
    QUALIFIED_NAME: "must be a name such as tier or example.org/tier",
}


def shown(value: Any, spelling: str | None = None) -> str:
    """A value for a message: short, and as it was spelled where that is known."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = spelling if spelling is not None else str(value)
    if isinstance(value, bool):
        text = spelling or ("true" if value else "false")
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"'{text}'" if isinstance(value, str) else text


def wanted(error: Mapping[str, Any]) -> str | None:
    """`a whole number` and such, for an error that is about the type alone."""
    if error["type"] in ("enum", "literal_error"):
        return "one of " + ", ".join(_choices(error))
    return _WANTED.get(error["type"])


def explain(error: Mapping[str, Any], spelling: str | None) -> str:
    """One error of pydantic as a sentence without its subject, e.g. `must be at least 0, got -1`."""
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    got = f", got {shown(value, spelling)}"
    if kind == "missing":
        return "is required"
    if kind in ("value_error", "assertion_error"):
        return " ".join(str(context.get("error", error["msg"])).split())
    if want := wanted(error):
        return f"must be {want}{got}{_advice(error, spelling)}"
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context) + got
    if kind in _SIZES:
        size = f", got {len(value)}" if isinstance(value, Sized) else ""
        return _counted(_SIZES[kind].format(**context)) + size
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        return _PATTERNS.get(pattern, f"must match {pattern}") + got + _name_advice(context, value)
    return f"{_uncapitalised(error['msg'])}{got}"


def _counted(text: str) -> str:
    """`1 item`, not `1 items`."""
    one = text.endswith((" 1 items", " 1 characters"))
    return text[:-1] if one else text


def _choices(error: Mapping[str, Any]) -> list[str]:
    expected = str(error["ctx"]["expected"]).replace(" or ", ", ")
    return [choice.strip().strip("'") for choice in expected.split(",")]


def _advice(error: Mapping[str, Any], spelling: str | None) -> str:
    """What to do about a wrong type, where that can be told."""
    kind, value = error["type"], error.get("input")
    advisers: dict[str, Callable[[], str]] = {
        "string_type": lambda: _quote(value, spelling),
        "enum": lambda: did_you_mean(str(value), _choices(error)),
        "literal_error": lambda: did_you_mean(str(value), _choices(error)),
    }
    if value is None:
        return ": give it a value or remove the field"
    if kind in advisers:
        return advisers[kind]()
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        return " as text: remove the quotes" if _plain(value) else ""
    return ""


def _plain(text: str) -> bool:
    """True for text that would be a number or a boolean without its quotes."""
    return text.lower() in ("true", "false") or text.replace(".", "", 1).lstrip("+-").isdigit()


def _quote(value: Any, spelling: str | None) -> str:
    if isinstance(value, Mapping | list):
        return ""
    text = spelling if spelling is not None else json.dumps(value, default=str)
    reading = ""
    if isinstance(value, bool) and text.lower() not in ("true", "false"):
        reading = f", which YAML reads as {str(value).lower()}"
    return f'{reading}: write "{text}" in quotes'


def _name_advice(context: Mapping[str, Any], value: Any) -> str:
    better = as_dns_label(str(value)) if context.get("pattern") == DNS_LABEL else ""
    return f"; did you mean {better}?" if better else ""


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]
