"""What a YAML parser says, in words that tell what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import yaml


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a line, before it is known which object it concerns.

    Attributes:
        line: 1-based line; 0 where it is unknown.
        field: dotted path; empty for the whole.
        message: for people.
    """

    line: int
    field: str
    message: str


_HINTS: Final = (
    ("mapping values are not allowed", "text with ': ' in it needs quotes, or the indentation is wrong"),
    ("could not find expected ':'", "a line lacks its ':', or text of several lines lacks its '|'"),
    ("did not find expected key", "the indentation differs from the lines above, or a quote closed early"),
    ("did not find expected '-' indicator", "an item of the list is indented differently"),
    ("found unexpected end of stream", "a quote that was opened here is never closed"),
    ("did not find expected ',' or", "a bracket is not closed, or the text needs quotes"),
    ("tab character", "YAML is indented by spaces, never by tabs"),
    ("found undefined alias", "an alias needs its anchor (&name) above it, in the same document"),
    ("found unknown escape character", "write a text with backslashes in single quotes"),
    ("did not find expected node content", "text that starts with a special character needs quotes"),
    ("did not find expected <document start>", "put '---' between documents"),
)  # fmt: skip
_CHARACTERS: Final = {
    "\t": "YAML is indented by spaces, never by tabs",
    "@": "text that starts with @ needs quotes",
    "`": "text that starts with ` needs quotes",
    "%": "text that starts with % needs quotes",
}


def fault_of(error: yaml.YAMLError, text: str) -> Fault:
    """The parser's complaint with its line and a hint; never shows the text itself."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: int(error.position)].count(b"\n") + 1
        return Fault(line, "", "is not valid YAML: holds a control character")
    problem = str(getattr(error, "problem", "") or "cannot be read")
    marks = [getattr(error, "problem_mark", None), getattr(error, "context_mark", None)]
    mark = next((mark for mark in _preferred(problem, marks) if mark is not None), None)
    line = mark.line + 1 if mark else 0
    hint = _hint(problem, text, mark)
    return Fault(line, "", f"is not valid YAML: {problem}" + (f"; {hint}" if hint else ""))


def _preferred(problem: str, marks: list[yaml.Mark | None]) -> list[yaml.Mark | None]:
    """What is never closed is best shown where it was opened."""
    return marks[::-1] if "unexpected end of stream" in problem else marks


def _hint(problem: str, text: str, mark: yaml.Mark | None) -> str:
    if "cannot start any token" in problem and mark is not None:
        lines = text.split("\n")
        rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
        return _CHARACTERS.get(rest[:1], "text that starts with a special character needs quotes")
    return next((hint for words, hint in _HINTS if words in problem), "")
