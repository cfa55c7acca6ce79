"""Figures that a kind shows to Prometheus about one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge's value now. All figures of one name have the same labels.

    Attributes:
        name: of the series, `swarmkeeper_…`, with its unit.
        description: one sentence.
        value: in the unit that the name tells.
        labels: further ones, beside the object's namespace and name.
    """

    name: str
    description: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
