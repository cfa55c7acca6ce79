r"""The part of JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`.

A dot within a name is written `\.`, as kubectl has it: `.metadata.labels.app\.kubernetes\.io/name`.
Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, Final

Step = Callable[[Any], Iterable[Any]]

_TOKEN: Final = re.compile(
    r"""
      \.(?P<field>(?:\\.|[^.\[\]\\])+)
    | \[\s*(?P<index>-?\d+)\s*\]
    | \[\s*(?P<all>\*)\s*\]
    | \[\s*(?P<quote>['"])(?P<name>.*?)(?P=quote)\s*\]
    | \[\?\(\s*@\.(?P<key>[^=!\s]+)\s*(?P<op>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^\s)]+)\s*\)\]
    """,
    re.VERBOSE,
)


def first(path: str, obj: Any) -> Any:
    """The first value at a path, or None.

    Raises:
        ValueError: the path can't be read.
    """
    return next(find(path, obj), None)


def find(path: str, obj: Any) -> Iterator[Any]:
    """All values at a path.

    Raises:
        ValueError: the path can't be read.
    """
    values: Iterable[Any] = (obj,)
    for step in parse(path):
        values = _after(step, values)
    return iter(values)


def _after(step: Step, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from step(value)


@lru_cache(maxsize=512)
def parse(path: str) -> tuple[Step, ...]:
    """Reads a path.

    Raises:
        ValueError: it can't be read; the message says where.
    """
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"can't read JSONPath {path!r} at {text[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["field"]:
        return partial(_field, re.sub(r"\\(.)", r"\1", match["field"]))
    if match["index"]:
        return partial(_item, int(match["index"]))
    if match["all"]:
        return _all
    if match["key"]:
        wanted = match["value"].strip("\"'")
        return partial(_filter, match["key"], wanted, match["op"] == "==")
    return partial(_field, match["name"])


def _field(name: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and value.get(name) is not None:
        yield value[name]


def _item(index: int, value: Any) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(key: str, wanted: str, equal: bool, value: Any) -> Iterator[Any]:
    for item in value if isinstance(value, list) else ():
        found = first(f".{key}", item)
        if (_text(found) == wanted) == equal:
            yield item


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
