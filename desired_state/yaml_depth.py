"""Refuses YAML that is nested absurdly deep before it is composed.

libyaml composes nodes by recursion in C and has no limit: a few kilobytes of `[` would overflow the
stack and kill the whole process. Its events come without recursion, so depth is counted on those.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from desired_state.yaml_errors import Fault
from desired_state.yaml_scalars import Composer

MAX_DEPTH: Final = 100
"""Levels of nesting in one document."""

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
    except (yaml.YAMLError, ValueError):
        return None  # the reader meets the same error and tells it


def _deep_event(composer: Composer) -> Fault | None:
    depth = 0
    while composer.check_event():
        event = composer.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 0
                return Fault(line, "", f"is nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None
