"""The spec of a SwarmService: what people declare. Whatever is not declared belongs to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field, StringConstraints, field_validator, model_validator

from desired_state.fields import Duration
from desired_state.objects import CommonSpec
from reconcilers.swarm_service.parts import (
    DeletionPolicy,
    EndpointMode,
    Health,
    HealthCheck,
    Mount,
    Network,
    Placement,
    Port,
    Reference,
    ReplicasOwner,
    Resources,
    RestartPolicy,
    RollbackPolicy,
    ServiceMode,
    Text,
    TextOrAbsent,
    UpdatePolicy,
)

STACK_LABEL: Final = "com.docker.stack.namespace"
OWN_PREFIX: Final = "swarmkeeper.dev/"

ServiceName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=63)
]
Image = Annotated[str, StringConstraints(pattern=r"^[^\s]+$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[^=\s]+$")]


class SwarmServiceSpec(CommonSpec):
    """One service of the swarm. Only declared fields are compared and changed."""

    service_name: ServiceName | None = None
    """Name in the swarm; by default the object's name, behind `<stack>_` where a stack is named."""
    stack: ServiceName | None = None
    """Stack that the service belongs to: sets the label com.docker.stack.namespace."""
    adopt: bool = False
    """Whether a service that already exists without an owner may be taken over."""
    create: bool = True
    """Whether the service is created where it does not exist."""
    service_mode: ServiceMode | None = None
    """replicated (Swarm's default) or global; Swarm can't change it once the service exists."""
    replicas: int | None = Field(default=None, ge=0)
    """How many tasks should run."""
    replicas_owner: ReplicasOwner = ReplicasOwner.GIT
    """git enforces `replicas`; other leaves the number to an autoscaler or a person."""
    image: Image | None = None
    """Image; without a digest, any digest of the same tag is fine."""
    command: tuple[str, ...] | None = None
    """Program and arguments in place of the image's entrypoint."""
    args: tuple[str, ...] | None = None
    """Arguments of the entrypoint."""
    env: dict[EnvName, TextOrAbsent] = Field(default_factory=dict)
    """Environment variables by name; null: the variable must not exist. Others are left alone."""
    labels: dict[str, TextOrAbsent] = Field(default_factory=dict)
    """Labels of the service; null: the label must not exist. Changing them restarts nothing."""
    container_labels: dict[str, TextOrAbsent] = Field(default_factory=dict)
    """Labels of the containers; changing them restarts the tasks."""
    networks: tuple[Network, ...] | None = None
    """Networks by name; the whole list is owned."""
    ports: tuple[Port, ...] | None = None
    """Published ports; the whole list is owned."""
    mounts: tuple[Mount, ...] | None = None
    """Mounts by target; the whole list is owned."""
    configs: tuple[Reference, ...] | None = None
    """Configs mounted as files; the whole list is owned."""
    secrets: tuple[Reference, ...] | None = None
    """Secrets mounted as files; the whole list is owned."""
    endpoint_mode: EndpointMode | None = None
    """vip: one virtual address; dnsrr: the name resolves to the tasks."""
    init: bool | None = None
    """Whether an init process reaps children and forwards signals."""
    user: Text | None = None
    """User (and group) of the process, e.g. "1000:1000"."""
    stop_grace_period: Duration | None = None
    """Time between SIGTERM and SIGKILL."""
    health_check: HealthCheck = HealthCheck()
    """The container's health check, run by the engine."""
    update: UpdatePolicy = UpdatePolicy()
    """How tasks are replaced during an update."""
    rollback: RollbackPolicy = RollbackPolicy()
    """How tasks are replaced during a rollback."""
    restart_policy: RestartPolicy = RestartPolicy()
    """What happens when a task ends."""
    resources: Resources = Resources()
    """Limits and reservations of each task."""
    placement: Placement = Placement()
    """Which nodes may run the tasks."""
    health: Health | None = None
    """URLs that the operator asks to see whether the service works."""
    progress_deadline: Duration = Field(default=timedelta(minutes=10))
    """How long tasks may take to start before the service counts as failed."""
    deletion_policy: DeletionPolicy | None = None
    """What becomes of the service when the object is deleted; by default Delete for a service that
    the operator created, Orphan for one that it adopted."""

    @field_validator("labels", "container_labels")
    @classmethod
    def _own_labels_are_reserved(cls, labels: dict[str, str | None]) -> dict[str, str | None]:
        for name in labels:
            if name.startswith(OWN_PREFIX):
                raise ValueError(f"{name}: labels under {OWN_PREFIX} are kept by the operator")
        return labels

    @model_validator(mode="after")
    def _replicas_fit_the_mode(self) -> SwarmServiceSpec:
        if self.service_mode is ServiceMode.GLOBAL and self.replicas is not None:
            raise ValueError("replicas: a global service has one task a node: leave it out")
        return self

    @model_validator(mode="after")
    def _stack_label_is_said_once(self) -> SwarmServiceSpec:
        if self.stack is not None and STACK_LABEL in self.labels:
            raise ValueError(f"labels: {STACK_LABEL} is set by `stack`: say it once")
        return self

    @model_validator(mode="after")
    def _lists_hold_nothing_twice(self) -> SwarmServiceSpec:
        ports = [(p.published, p.protocol, p.mode) for p in self.ports or () if p.published]
        _refuse_twice("ports", (f"{p[0]}/{p[1]}" for p in ports))
        unpublished = [p for p in self.ports or () if not p.published]
        _refuse_twice("ports", (f"{p.target}/{p.protocol} (unpublished)" for p in unpublished))
        _refuse_twice("mounts", (m.target for m in self.mounts or ()))
        _refuse_twice("networks", (n.name for n in self.networks or ()))
        _refuse_twice("configs", (c.target or f"/{c.name}" for c in self.configs or ()))
        _refuse_twice("secrets", (s.target or s.name for s in self.secrets or ()))
        _refuse_twice("placement.constraints", self.placement.constraints or ())
        return self


def _refuse_twice(field: str, keys: Iterable[str]) -> None:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValueError(f"{field}: {', '.join(twice)} is declared twice")
