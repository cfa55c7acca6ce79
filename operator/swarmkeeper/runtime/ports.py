"""Ports: what kinds may ask of the outside world, as Protocols. Adapters and fakes implement them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.runtime.backups import NO_BACKUPS, Backups
from swarmkeeper.runtime.certificates import NO_CERTIFICATES, Certificates
from swarmkeeper.runtime.streams import NO_STREAMS, Streams
from swarmkeeper.runtime.swarm import Swarm
from swarmkeeper.runtime.traefik_storage import NO_STORAGE, TraefikStorage


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """Now, timezone-aware (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Answer of one HTTP request.

    Attributes:
        status: HTTP status code.
        body: first 64 KiB of the body.
        seconds: time until the body was read.
    """

    status: int
    body: bytes
    seconds: float


class HttpProbe(Protocol):
    """Asks a URL once, to see whether something works."""

    def get(
        self, url: str, *, timeout: float, headers: Mapping[str, str] | None = None
    ) -> ProbeResult:
        """Sends one GET.

        Args:
            url: http or https URL.
            timeout: seconds for the whole request.
            headers: further request headers.

        Raises:
            ProbeError: no HTTP answer came; the message says why.
        """
        ...


class ProbeError(Exception):
    """No HTTP answer: refused, timed out, no such host, broken TLS."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All ports, handed to every kind; a kind uses those it needs."""

    swarm: Swarm
    http: HttpProbe
    clock: Clock
    streams: Streams = NO_STREAMS
    backups: Backups = NO_BACKUPS
    certificates: Certificates = NO_CERTIFICATES
    traefik: TraefikStorage = NO_STORAGE


class Objects(Protocol):
    """The embedded API from inside the process: the same rules as over HTTP.

    All methods are thread-safe and return plain JSON objects that the caller may change.

    Raises (every method): ApiError with the HTTP status and the Kubernetes reason.
    """

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """One object, or None."""
        ...

    def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[JsonObject]:
        """All objects of a kind, in order of namespace and name."""
        ...

    def create(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Creates an object; AlreadyExists (409) where there is one."""
        ...

    def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        *,
        actor: str,
        subresource: str | None = None,
    ) -> JsonObject:
        """Merges a patch (RFC 7386); with metadata.resourceVersion in it, only at that version.

        A patch that changes nothing writes nothing. `subresource="status"` touches the status alone.
        """
        ...

    def replace(self, obj: JsonObject, *, actor: str) -> JsonObject:
        """Puts a whole object (not its status) in the place of the stored one; NotFound without one.

        With metadata.resourceVersion in it, only at that version. Equal content writes nothing.
        """
        ...

    def delete(self, ref: ObjectRef, *, actor: str) -> None:
        """Deletes, or marks as terminating where finalizers remain; absent is fine."""
        ...


class ApiError(Exception):
    """An answer of the API that is no success, in Kubernetes' terms.

    Args:
        code: HTTP status, e.g. 409.
        reason: Kubernetes reason, e.g. `Conflict`, `NotFound`, `AlreadyExists`, `Invalid`, `Expired`.
        message: for people.
        causes: (field, message) pairs, for 422.
        details: what it is about, where the address does not tell: `kind`, `name`.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: Sequence[tuple[str, str]] = (),
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = tuple(causes)
        self.details = dict(details or {})
