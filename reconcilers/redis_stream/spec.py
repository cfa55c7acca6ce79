"""The spec of a RedisStream: how long a stream may be, and how far its readers may be behind."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from math import ceil
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import Duration
from desired_state.objects import CommonSpec, Limits
from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.runtime.streams import StreamKey, StreamServer, Trim

_SCHEMES: Final = (
    *("redis", "rediss", "unix"),
    *("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
)

Name = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Percent = Annotated[str, StringConstraints(pattern=r"^\d{1,3}%$")]


def _server_url(url: str) -> str:
    """Refuses what is no Redis URL, and what holds a secret."""
    try:
        found = urlsplit(url)
        _ = [part.rpartition(":")[2].isdigit() for part in found.netloc.split(",")]
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    if found.scheme not in _SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(f'{s}://' for s in _SCHEMES)}")
    if "@" in found.netloc or "password" in found.query:
        raise ValueError("must hold no user and no password: use username and passwordSecretRef")
    if found.scheme != "unix" and not found.netloc:
        raise ValueError("names no host")
    if found.scheme.endswith("+sentinel") and not found.path.strip("/"):
        raise ValueError("names no service: redis+sentinel://host:26379/service")
    return url


ServerUrl = Annotated[str, AfterValidator(_server_url)]


class TrimPolicy(StrEnum):
    """What may be removed from a stream that is too long."""

    CONSUMED = "Consumed"
    """Only what every group has read and acknowledged."""
    ALWAYS = "Always"
    """The oldest entries, read or not; those that are not, with approval, and into a file first."""


class References(StrEnum):
    """What becomes of pending references to entries that are removed (Redis 8.2)."""

    KEEPREF = "KEEPREF"
    """They stay, and refer to nothing."""
    DELREF = "DELREF"
    """They go as well."""
    ACKED = "ACKED"
    """An entry that has one stays."""


class Tls(DeclaredModel):
    """Certificates, for `rediss` URLs."""

    ca_secret_ref: SecretKeyReference | None = None
    """CA that the server's certificate is checked against; by default the system's."""
    certificate_secret_ref: SecretKeyReference | None = None
    """Our own certificate, for servers that ask for one."""
    key_secret_ref: SecretKeyReference | None = None
    """The private key of that certificate."""


class Server(DeclaredModel):
    """How to reach Redis."""

    url: ServerUrl
    """redis://host:6379/0, rediss://, unix://, redis+sentinel://host:26379,…/service or redis+cluster://."""
    username: str = ""
    """ACL user; by default the default one."""
    password_secret_ref: SecretKeyReference | None = None
    """Secret with the password."""
    tls: Tls = Tls()
    """Which certificates are believed and shown, for `rediss` URLs."""
    timeout: Duration = timedelta(seconds=5)
    """How long a connection, and each answer, may take."""


class TrimSpec(DeclaredModel):
    """How a stream that is too long is made shorter."""

    policy: TrimPolicy = TrimPolicy.CONSUMED
    """Consumed: only what all groups are done with. Always: the oldest entries, read or not."""
    references: References | None = None
    """KEEPREF, DELREF or ACKED, from Redis 8.2 on; by default the server's own way."""
    batch_size: int = Field(default=10_000, ge=1, le=100_000)
    """Entries that are removed in one step; other clients get their turn in between."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.policy is TrimPolicy.ALWAYS and self.references is References.ACKED:
            raise ValueError("references: ACKED keeps what policy Always drops: use Consumed")
        return self


class ClaimSpec(DeclaredModel):
    """When entries that nobody acknowledges go to another consumer."""

    min_idle: Duration = timedelta(minutes=5)
    """How long ago an entry was given out to count as stuck."""
    consumer: Name | None = None
    """Who gets them; by default the consumer of the group that asked last."""


class RedisStreamSpec(CommonSpec):
    """One Redis stream, kept within its length, and its readers watched."""

    server: Server
    """Where the stream is."""
    key: Name
    """Name of the stream in Redis."""
    max_length: int = Field(ge=1)
    """Entries that the stream is trimmed to."""
    tolerance: Percent = "10%"
    """How far beyond maxLength it may grow before it is trimmed."""
    trim: TrimSpec = TrimSpec()
    """What is removed when it is too long, and how."""
    groups: tuple[Name, ...] = ()
    """Consumer groups that must exist."""
    max_lag: int | None = Field(default=None, ge=0)
    """Entries that a group may not have been given yet."""
    max_pending: int | None = Field(default=None, ge=0)
    """Entries that a group may have been given and not acknowledged."""
    max_pending_age: Duration | None = None
    """How long ago an entry may have been given out without being acknowledged."""
    max_consumer_idle: Duration | None = None
    """How long all consumers of a group may ask for nothing while there is something to do."""
    claim: ClaimSpec | None = None
    """Gives stuck entries to another consumer; by default they stay where they are."""
    count_at_most: int = Field(default=100_000, ge=0)
    """Entries to count where the server's lag can't be trusted; beyond, it is unknown."""
    limits: Limits = Limits(max_actions=300)
    """Budget of corrective actions; wide, for trimming is what a stream needs all the time."""
    healthy_delay: Duration = timedelta(0)
    """How long a correction must last to count as a success; none: streams grow again by themselves."""

    @model_validator(mode="after")
    def _tls_where_it_is_used(self) -> Self:
        if self.server.tls != Tls() and not self.server.url.startswith("rediss"):
            raise ValueError("server.tls needs a rediss:// URL")
        tls = self.server.tls
        if (tls.certificate_secret_ref is None) != (tls.key_secret_ref is None):
            raise ValueError("server.tls: certificateSecretRef and keySecretRef go together")
        return self

    @property
    def longest(self) -> int:
        """Entries beyond which the stream is trimmed."""
        return self.max_length + ceil(self.max_length * int(self.tolerance[:-1]) / 100)

    @property
    def stuck_after(self) -> timedelta:
        """When an entry that is not acknowledged counts as stuck: the shortest time that is declared."""
        times = (self.claim.min_idle if self.claim else None, self.max_pending_age)
        return min((time for time in times if time is not None), default=timedelta(days=365))


def stream_key(spec: RedisStreamSpec) -> StreamKey:
    """The stream, as the port names it."""
    server = spec.server
    return StreamKey(
        StreamServer(
            server.url,
            server.username,
            server.password_secret_ref,
            server.tls.ca_secret_ref,
            server.tls.certificate_secret_ref,
            server.tls.key_secret_ref,
            server.timeout.total_seconds(),
        ),
        spec.key,
    )


def trim_of(spec: RedisStreamSpec) -> Trim:
    """How to trim, as the port wants it."""
    return Trim(spec.max_length, spec.trim.batch_size, spec.trim.references or "")
