"""Validates what people declare against its model and says what is wrong in plain words.

The loader uses it for files and the API for requests: the same rules and the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from desired_state.schema_paths import fields_at
from desired_state.secret_names import is_secret_name
from desired_state.suggest import did_you_mean
from desired_state.wording import explain, shown, wanted

Path = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)

HIDDEN: Final = "***"


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a value is not as its model wants it.

    Attributes:
        path: where, as keys and indexes from the value that was validated.
        message: for people; a secret's value is not in it.
    """

    path: Path
    message: str


def validate(
    model: type[ModelT],
    value: Any,
    spelling: Callable[[Path], str | None] = lambda _path: None,
) -> tuple[ModelT | None, tuple[Violation, ...]]:
    """Validates a JSON-like value, spelled as in YAML (camelCase names only).

    Args:
        model: what the value should be.
        value: e.g. the spec of an object.
        spelling: how the scalar at a path was written, where that is known.

    Returns:
        The model and nothing wrong, or None and everything that is wrong.
    """
    try:
        return model.model_validate(value, by_alias=True, by_name=False), ()
    except ValidationError as error:
        found: dict[Path, list[Mapping[str, Any]]] = {}
        for entry in error.errors(include_url=False):
            found.setdefault(_path(entry, value), []).append(entry)
    hide = _hider(value)
    violations = (
        Violation(path, hide(_message(model, path, entries, spelling(path))))
        for path, entries in found.items()
    )
    return None, tuple(violations)


def _path(error: Mapping[str, Any], value: Any) -> Path:
    """Where in the value the error is: pydantic's location without the names of union members."""
    path: list[str | int] = []
    for part in error["loc"]:
        in_mapping = isinstance(value, Mapping) and part in value
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if in_mapping or in_list:
            value = value[part]
            path.append(part)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _message(
    model: type[BaseModel],
    path: Path,
    errors: Sequence[Mapping[str, Any]],
    spelling: str | None,
) -> str:
    error = errors[0]
    if error["loc"][-1:] == ("[key]",):
        return explain(error, None)  # the key is wrong, not the value that was spelled there
    if error["type"] == "extra_forbidden":
        known = fields_at(model, path[:-1])
        return f"unknown field{did_you_mean(str(path[-1]), known)}"
    if any(is_secret_name(str(part)) for part in path) and error["type"] != "missing":
        want = wanted(error)
        return f"must be {want} (its value is not shown)" if want else "is not valid (not shown)"
    if len(errors) == 1:
        return explain(error, spelling)
    wants = [want for want in dict.fromkeys(map(wanted, errors)) if want]
    if len(wants) == len(errors):
        return f"must be {' or '.join(wants)}, got {shown(error.get('input'), spelling)}"
    return "; or ".join(dict.fromkeys(explain(each, spelling) for each in errors))


def _hider(value: Any) -> Callable[[str], str]:
    """Takes the values of secret-named fields out of a message, wherever they came in."""
    secrets = sorted(set(_secrets(value, secret=False)), key=len, reverse=True)

    def hide(message: str) -> str:
        for secret in secrets:
            message = message.replace(secret, HIDDEN)
        return message

    return hide


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, secret=secret or is_secret_name(str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, secret=secret)
    elif secret and len(str(value)) >= 6 and not isinstance(value, bool):
        yield str(value)
