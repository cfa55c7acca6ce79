"""The nested parts of a SwarmService's spec: ports, mounts, policies, health."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import Bytes, Duration, NanoCpus


def _quoted(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f'must be a string: write it in quotes, "{value}"')


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_quoted)]
"""A string; numbers and booleans must be quoted, so that YAML does not change them."""

TextOrAbsent = Annotated[
    str | None,
    BeforeValidator(_quoted),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]}),
]
"""A string, or null: the key must not exist."""


class ReplicasOwner(StrEnum):
    """Who decides how many replicas run."""

    GIT = "git"
    """The declared number is enforced."""
    OTHER = "other"
    """An autoscaler or a person: the declared number counts only when the service is created."""


class ServiceMode(StrEnum):
    """How tasks are spread; Swarm can't change it on a service that exists."""

    REPLICATED = "replicated"
    """A number of tasks anywhere."""
    GLOBAL = "global"
    """One task on every node that fits."""


class DeletionPolicy(StrEnum):
    """What becomes of the service when the object is deleted."""

    DELETE = "Delete"
    """The service is removed."""
    ORPHAN = "Orphan"
    """The service runs on; only the operator's labels are taken off."""


class Protocol(StrEnum):
    """Transport protocol of a port."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class PublishMode(StrEnum):
    """Where a published port listens."""

    INGRESS = "ingress"
    """On every node, through the routing mesh."""
    HOST = "host"
    """On the nodes that run a task."""


class Port(DeclaredModel):
    """A published port."""

    target: int = Field(ge=1, le=65535)
    """Port inside the container."""
    published: int = Field(default=0, ge=0, le=65535)
    """Port outside; 0 lets Swarm choose one."""
    protocol: Protocol = Protocol.TCP
    """tcp, udp or sctp."""
    mode: PublishMode = PublishMode.INGRESS
    """ingress: the routing mesh; host: the node of the task."""


class MountType(StrEnum):
    """What is mounted."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


class Mount(DeclaredModel):
    """Something mounted into the containers; identified by its target."""

    target: str = Field(min_length=1, pattern=r"^/")
    """Absolute path inside the container."""
    source: str = ""
    """Volume name, or path on the node for a bind; empty for tmpfs and anonymous volumes."""
    kind: MountType = Field(default=MountType.VOLUME, alias="type")
    """volume, bind or tmpfs."""
    read_only: bool = False
    """Whether the containers can't write to it."""


class Reference(DeclaredModel):
    """A config or secret of the swarm that is mounted as a file."""

    name: str = Field(min_length=1)
    """Name of the config or secret in the swarm."""
    target: str = ""
    """File in the container; by default the name (below /run/secrets for a secret, / for a config)."""
    uid: Text | None = None
    """Owner of the file; "0" where nothing is said."""
    gid: Text | None = None
    """Group of the file; "0" where nothing is said."""
    mode: int | None = Field(default=None, ge=0, le=0o777)
    """Permissions of the file, e.g. 0o440; 0o444 where nothing is said."""


class NetworkAttachment(DeclaredModel):
    """A network that the tasks are attached to; a plain name will do."""

    name: str = Field(min_length=1)
    """Name of the network."""
    aliases: tuple[str, ...] | None = None
    """Further DNS names on this network; left alone where nothing is said."""


Network = Annotated[
    NetworkAttachment, BeforeValidator(_named, json_schema_input_type=str | NetworkAttachment)
]


class EndpointMode(StrEnum):
    """How the service's name resolves."""

    VIP = "vip"
    DNSRR = "dnsrr"


class HealthCheck(DeclaredModel):
    """The container's own health check, run by the engine."""

    command: str | tuple[str, ...] | None = None
    """A shell command, or a list of program and arguments; `[NONE]` switches the image's check off."""
    interval: Duration | None = None
    """Time between two checks."""
    timeout: Duration | None = None
    """Time after which one check counts as failed."""
    retries: int | None = Field(default=None, ge=1)
    """Failures in a row that make the container unhealthy."""
    start_period: Duration | None = None
    """Time after the start in which failures do not count."""


class Order(StrEnum):
    """Which goes first when a task is replaced."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class RollbackFailureAction(StrEnum):
    """What Swarm does when a rollback fails."""

    PAUSE = "pause"
    CONTINUE = "continue"


class UpdateFailureAction(StrEnum):
    """What Swarm does when an update fails."""

    PAUSE = "pause"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


class RollbackPolicy(DeclaredModel):
    """How Swarm replaces tasks during a rollback; only the declared fields are owned."""

    parallelism: int | None = Field(default=None, ge=0)
    """Tasks replaced at once; 0 is all."""
    delay: Duration | None = None
    """Wait between two batches."""
    order: Order | None = None
    """stop-first or start-first."""
    failure_action: RollbackFailureAction | None = None
    """What a failure causes."""
    monitor: Duration | None = None
    """How long a new task is watched for failure; Swarm's default of 5s is short."""
    max_failure_ratio: float | None = Field(default=None, ge=0, le=1)
    """Share of failures that is tolerated."""


class UpdatePolicy(RollbackPolicy):
    """How Swarm replaces tasks during an update; only the declared fields are owned."""

    failure_action: UpdateFailureAction | None = None  # type: ignore[assignment] # one value more
    """What a failure causes: pause (Swarm's default), continue or rollback."""


class RestartCondition(StrEnum):
    """When an ended task is started again."""

    NONE = "none"
    ON_FAILURE = "on-failure"
    ANY = "any"


class RestartPolicy(DeclaredModel):
    """What happens when a task ends; only the declared fields are owned."""

    condition: RestartCondition | None = None
    """none, on-failure or any."""
    delay: Duration | None = None
    """Wait before the next start."""
    max_attempts: int | None = Field(default=None, ge=0)
    """Starts within the window; 0 is without end."""
    window: Duration | None = None
    """Time in which starts are counted; 0 is for ever."""


class Amounts(DeclaredModel):
    """Amounts of CPU and memory for each task."""

    cpus: NanoCpus | None = None
    """CPU, e.g. 500m or 0.5."""
    memory: Bytes | None = None
    """Memory, e.g. 256Mi."""


class Resources(DeclaredModel):
    """What each task may use and what is kept free for it."""

    limits: Amounts = Amounts()
    """Most that a task may use."""
    reservations: Amounts = Amounts()
    """What a node must have free to get the task."""


class Placement(DeclaredModel):
    """Where tasks may run."""

    constraints: tuple[str, ...] | None = None
    """Conditions on nodes, e.g. `node.role == worker`; the whole list is owned, in any order."""
    max_replicas_per_node: int | None = Field(default=None, ge=0)
    """Most tasks on one node; 0 is without limit."""


class Health(DeclaredModel):
    """A health check from outside: the operator asks URLs."""

    url: Annotated[
        Annotated[tuple[str, ...], Field(min_length=1)],
        BeforeValidator(_one_or_many, json_schema_input_type=str | tuple[str, ...]),
    ]
    """URL or URLs. `{taskAddress}` and `{nodeAddress}` stand for the address of each running task
    (in its first network that has one) and of the node that runs it."""
    expected_status: int = Field(default=200, ge=100, le=599)
    """HTTP status of a healthy answer."""
    timeout: Duration = Field(default=timedelta(seconds=3))
    """Longest time for one answer."""
    failure_threshold: int = Field(default=3, ge=1)
    """Failures in a row, counted at most once a second, that make the service unhealthy."""

    @model_validator(mode="after")
    def _urls_are_http(self) -> Health:
        for url in self.url:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{url!r} is not a URL: it must begin with http:// or https://")
        return self
