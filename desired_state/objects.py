"""The object: `apiVersion, kind, metadata, spec`, and where in git each field was declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import Field, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import DnsLabel, Duration, LabelValue, QualifiedName
from desired_state.windows import Window

GROUP: Final = "swarmkeeper.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
DEFAULT_NAMESPACE: Final = "default"

JsonValue = Any  # what json.loads gives; kept as Any because specs are open documents
JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one object of the desired state."""

    kind: str
    name: str
    namespace: str = DEFAULT_NAMESPACE

    def __str__(self) -> str:
        """`SwarmService/orchestrator`, with the namespace where it is not the default."""
        prefix = "" if self.namespace == DEFAULT_NAMESPACE else f"{self.namespace}/"
        return f"{self.kind}/{prefix}{self.name}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was declared: the *why* behind a drift.

    Attributes:
        path: file, relative to the root of the source.
        line: 1-based line.
        revision: `main@sha1:<40 hex>` for git, empty for a plain folder.
    """

    path: str
    line: int
    revision: str = ""

    def __str__(self) -> str:
        """`services.yaml:12@3f2a91c`: the file, the line and the short commit."""
        sha = self.revision.rpartition(":")[2][:7]
        return f"{self.path}:{self.line}" + (f"@{sha}" if sha else "")


class Mode(StrEnum):
    """What to do about drift."""

    ENFORCE = "Enforce"
    """Correct it."""
    WARN = "Warn"
    """Report it, change nothing."""
    OFF = "Off"
    """Do not even look."""


class Approval(StrEnum):
    """Whether people must approve risky actions."""

    AUTO = "Auto"
    """No: the guard's other checks are enough."""
    REQUIRED = "Required"
    """Actions of medium risk or more wait for approval; what touches no running task does not."""


class UpgradePolicy(StrEnum):
    """Whether people must approve a changed spec."""

    AUTO = "Auto"
    """No: what is declared counts at once."""
    APPROVED = "Approved"
    """Yes: drift is healed to the last approved spec until the new one is approved."""


class Dependency(DeclaredModel):
    """Another object that must be Ready first."""

    kind: str
    """Kind of the other object."""
    name: DnsLabel
    """Name of the other object."""
    namespace: DnsLabel | None = None
    """Its namespace; by default the namespace of this object."""


class Budget(DeclaredModel):
    """A number of actions in a period."""

    max_actions: int = Field(ge=1)
    """How many actions may be taken in one period."""
    per: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """The length of the period."""


class Limits(DeclaredModel):
    """A budget of corrective actions: what exceeds it waits for the next period."""

    max_actions: int = Field(default=10, ge=1)
    """How many actions may be taken on this object in one period."""
    per: Duration = Field(default=timedelta(minutes=10))
    """The length of the period."""
    runbooks: dict[str, Budget] = Field(default_factory=dict)
    """Tighter budgets of single runbooks, by name."""


class EscalationStep(DeclaredModel):
    """Something to try when an object stays unhealthy though nothing differs from what is declared."""

    runbook: str = ""
    """A runbook of the kind, e.g. `restart`; leave it out with `revert`."""
    revert: bool = False
    """True: the way back of the last action, where bad health came right after one that has one."""
    after: Duration = Field(default=timedelta(minutes=1), ge=timedelta(seconds=1))
    """How long the object must have been unhealthy, or the step before must not have helped."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Inputs of the runbook, by name."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.runbook) is self.revert:
            raise ValueError("give either a runbook or revert: true")
        return self


class CommonSpec(DeclaredModel):
    """Fields that every kind has, with Flux's names."""

    interval: Duration = Field(default=timedelta(seconds=30))
    """How often to look when nothing asks for it earlier."""
    retry_interval: Duration | None = None
    """Longest wait between attempts after a failure; by default the interval."""
    timeout: Duration = Field(default=timedelta(seconds=60))
    """Time after which a pass over this object begins no further action."""
    suspend: bool = False
    """True: leave the object alone until it is false again."""
    mode: Mode = Mode.ENFORCE
    """Enforce corrects drift, Warn only reports it, Off does not look."""
    depends_on: tuple[Dependency, ...] = ()
    """Objects that must be Ready before this one is acted upon."""
    windows: tuple[Window, ...] = ()
    """Times at which actions may be taken, or may not; none: at any time."""
    approval: Approval = Approval.AUTO
    """Auto, or Required: actions by which tasks restart or something is removed wait for approval."""
    upgrade_policy: UpgradePolicy = UpgradePolicy.AUTO
    """Auto, or Approved: a changed spec waits for approval, and the last approved one is kept meanwhile."""
    healthy_delay: Duration = Field(default=timedelta(seconds=10))
    """How long a correction must last, and health must not become bad, to count as a success."""
    limits: Limits = Limits()
    """Budget of corrective actions."""
    escalation: tuple[EscalationStep, ...] = ()
    """What to try, one after the other, while the object stays unhealthy though nothing differs."""


class Metadata(DeclaredModel):
    """Name and labels of an object."""

    name: DnsLabel
    """Unique within kind and namespace."""
    namespace: DnsLabel = DEFAULT_NAMESPACE
    """Group of objects; `default` where nothing is said."""
    labels: dict[QualifiedName, LabelValue] = Field(default_factory=dict)
    """For selection: `kubectl get -l tier=agents`."""
    annotations: dict[QualifiedName, str] = Field(default_factory=dict)
    """Notes for people and tools."""


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """One object as read from a source.

    Attributes:
        ref: which object.
        metadata: as declared.
        spec: the spec exactly as declared (camelCase, no defaults filled in).
        model: the same spec, validated, with defaults.
        origin: file, line and revision of the object.
        lines: 1-based line of each field by dotted path, e.g. `spec.env.LOG_LEVEL`.
        stale: the file is broken now; this is the last good version of the object.
    """

    ref: ObjectRef
    metadata: Metadata
    spec: Mapping[str, JsonValue]
    model: CommonSpec
    origin: Origin
    lines: Mapping[str, int] = field(default_factory=dict)
    stale: bool = False

    def origin_of(self, path: str) -> Origin:
        """Where a field was declared; the nearest declared parent for one that was not."""
        while path:
            if path in self.lines:
                return Origin(self.origin.path, self.lines[path], self.origin.revision)
            path = path.rpartition(".")[0]
        return self.origin
