"""A kind for tests of the API: `Widget`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from desired_state.objects import API_VERSION, CommonSpec, JsonObject
from desired_state.scheme import READY_COLUMNS, Column, Kind, ScalePaths


class WidgetSpec(CommonSpec):
    """A size and some variables."""

    size: int = Field(ge=0)
    """How big it is."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables."""


WIDGET = Kind(
    "Widget",
    "widgets",
    WidgetSpec,
    short_names=("wd",),
    columns=(
        Column("Size", ".spec.size", type="integer"),
        *READY_COLUMNS,
        Column("Env", ".spec.env", priority=1),
    ),
    description="A thing for tests.",
    scale=ScalePaths(".spec.size", ".status.sizes.now"),
)


def widget(name: str = "a", *, size: int = 1, **metadata: Any) -> JsonObject:
    """A widget as a client writes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Widget",
        "metadata": {"name": name, **metadata},
        "spec": {"size": size},
    }
