"""Unknown is an answer: what could not be read is neither zero, nor absent, nor fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands in for a value that could not be read.

    Attributes:
        reason: what failed, for people; never holds a secret's value.
    """

    reason: str

    def __bool__(self) -> NoReturn:
        """Refuses to be taken for true or false: ask `isinstance(x, Unknown)` first."""
        raise TypeError(f"an unknown value has no truth: {self.reason}")
