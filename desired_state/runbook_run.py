"""The kind RunbookRun: a runbook that people ask for, once, on one object."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

from pydantic import Field, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import DnsLabel, Duration
from desired_state.objects import CommonSpec
from desired_state.scheme import Column, Kind

_SUCCEEDED: Final = '.status.conditions[?(@.type=="Succeeded")]'
_OF_THE_TARGET: Final = (
    *("interval", "retry_interval", "mode", "depends_on", "windows", "healthy_delay", "limits"),
    *("escalation", "upgrade_policy"),
)
"""Common fields that say how an object is kept; a run keeps nothing."""


class RunTarget(DeclaredModel):
    """The object that a runbook is run on, in the namespace of the run."""

    kind: str = Field(min_length=1)
    """Kind of the object."""
    name: DnsLabel
    """Name of the object."""


class RunbookRunSpec(CommonSpec):
    """A runbook asked for: done once for each version of this spec."""

    runbook: str = Field(min_length=1)
    """Name of a runbook of the target's kind: `swarmkeeper runbook list` shows them."""
    target: RunTarget
    """The object that it is run on."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Inputs of the runbook, by name; never secrets: they are shown and recorded."""
    starting_deadline: Duration = Field(default=timedelta(hours=1), gt=timedelta(0))
    """How long it may wait to begin, for a window, an approval or its target; then it has failed."""
    timeout: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """How long it may take from its first step until the target is well; then it has failed."""
    ttl_after_finished: Duration | None = None
    """How long after its end it is deleted, unless git declares it; by default it stays."""

    @model_validator(mode="after")
    def _only_what_counts(self) -> Self:
        fields = CommonSpec.model_fields
        for name in _OF_THE_TARGET:
            if getattr(self, name) != fields[name].get_default(call_default_factory=True):
                alias = fields[name].alias or name
                raise ValueError(f"{alias} has no meaning for a run: what the target says counts")
        return self


RUNBOOK_RUN: Final = Kind(
    name="RunbookRun",
    plural="runbookruns",
    spec=RunbookRunSpec,
    short_names=("run",),
    columns=(
        Column("Runbook", ".spec.runbook"),
        Column("Kind", ".spec.target.kind"),
        Column("Target", ".spec.target.name"),
        Column("Phase", ".status.phase"),
        Column("Status", f"{_SUCCEEDED}.message"),
        Column("Age", ".metadata.creationTimestamp", type="date"),
    ),
    description="A runbook that people ask for, once, on one object.",
    requested=True,
)
