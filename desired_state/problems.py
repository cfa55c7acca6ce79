"""A problem of the desired state: where it is, which object and field it concerns, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from desired_state.objects import ObjectRef


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a tree, told so that it can be put right at once.

    Attributes:
        path: file, relative to the root of the source.
        line: 1-based line; 0 where no line can be named.
        ref: the object concerned, as far as it is known.
        field: dotted path of the field, e.g. `spec.replicas`; empty for the whole.
        message: for people; never holds a secret's value.
    """

    path: str
    line: int
    ref: ObjectRef | None
    field: str
    message: str

    def __str__(self) -> str:
        """`services.yaml:12: SwarmService/orchestrator: spec.replicas: must be ...`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        named = [place, str(self.ref) if self.ref else "", self.field, self.message]
        return ": ".join(part for part in named if part)
