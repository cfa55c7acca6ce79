"""Refuses YAML that is nested absurdly deep before it is composed.

libyaml composes nodes by recursion in C and has no limit (before PyYAML 6.0.4): a few kilobytes of `[`
would overflow the stack and kill the whole process. Its events come without recursion, so depth is
counted on those. Newer ones stop at 1,000 levels by themselves, sometimes before the first event.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from desired_state.yaml_errors import Fault
from desired_state.yaml_scalars import Composer

MAX_DEPTH: Final = 100
"""Levels of nesting in one document."""
_ITS_LIMIT: Final = "maximum nesting depth"

# A block collection inside another starts further right, or at the same column for a list in a
# mapping; a flow collection needs its bracket. So text without these can't be very deep.
_BRACKETS: Final = 200
_LONG_INDENT: Final = re.compile(r"^[ \t\-?:]{100}", re.MULTILINE)


def too_deep(text: str) -> Fault | None:
    """What is wrong with the nesting of a text, or None. Fast for ordinary text."""
    brackets = text.count("[") + text.count("{")
    if brackets < _BRACKETS and _LONG_INDENT.search(text) is None:
        return None
    try:
        return _deep_event(Composer(text))
    except yaml.MarkedYAMLError as error:
        if _ITS_LIMIT in str(error.problem) and error.problem_mark is not None:
            return _fault(error.problem_mark.line)
        return None  # the reader meets the same error and tells it
    except (yaml.YAMLError, ValueError):
        return None


def _deep_event(composer: Composer) -> Fault | None:
    depth = 0
    while composer.check_event():
        event = composer.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return _fault(event.start_mark.line if event.start_mark else -1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _fault(line: int) -> Fault:
    return Fault(line + 1, "", f"is nested more than {MAX_DEPTH} levels deep")
