"""Ids of stream entries: `<milliseconds>-<number>`, ordered by both; both have 64 bits."""

from __future__ import annotations

from typing import Final

_TOP: Final = 2**64 - 1


def parts(text: str) -> tuple[int, int]:
    """Milliseconds and number; for comparing."""
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)


def after(text: str) -> str:
    """The id that follows."""
    milliseconds, number = parts(text)
    if number < _TOP:
        return f"{milliseconds}-{number + 1}"
    return f"{milliseconds + 1}-0" if milliseconds < _TOP else text
