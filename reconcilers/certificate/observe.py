"""Looks at the certificate: as it is served, as it is published, and as it was brought. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from reconcilers.certificate.memory import recalled
from reconcilers.certificate.spec import (
    CertificateSpec,
    asked_of,
    brought_of,
    ca_of,
    endpoints_of,
    publication_of,
    storage_of,
    trust_of,
)
from swarmkeeper.runtime.certificates import (
    Attempt,
    CertificateError,
    Facts,
    RenewalInfo,
    Served,
    Stored,
)
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import Service, SwarmError
from swarmkeeper.runtime.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen.

    Attributes:
        served: by each address of each endpoint; Unknown where nothing could be judged.
        published: what lies where servers fetch it; None where this object publishes nothing.
        brought: what was brought from elsewhere; None without such an issuer.
        attempts: orders for these names in the last week, oldest first.
        server: Traefik's service; None where there is none, or it is no matter of this object.
        stored: what Traefik's file has; None where it is not declared.
        reason: CamelCase word for why nothing could be judged; empty where it could.
        suggested: when the CA suggests to renew what is published; None where it does not.
    """

    served: tuple[Served, ...] | Unknown
    published: Stored | None = None
    brought: Stored | None = None
    attempts: tuple[Attempt, ...] = ()
    server: Service | Unknown | None = None
    stored: tuple[Facts, ...] | Unknown | None = None
    reason: str = ""
    suggested: RenewalInfo | Unknown | None = None


def observe(target: Target[CertificateSpec], ports: Ports) -> Observed:
    """Asks every endpoint, and reads the files."""
    server = _server(target.spec, ports)
    try:
        return _seen(target, ports, server)
    except CertificateError as error:
        return Observed(Unknown(error.message), server=server, reason=error.reason)


def _seen(
    target: Target[CertificateSpec], ports: Ports, server: Service | Unknown | None
) -> Observed:
    spec, trust, port = target.spec, trust_of(target.spec), ports.certificates
    published = brought = None
    where = publication_of(target.ref, spec.publish) if spec.publish else None
    if where is not None:
        published = port.published(where, trust)
    if spec.files is not None:
        brought = port.brought(brought_of(spec.files), trust)
    served = port.served(endpoints_of(spec), trust, timeout=spec.probe_timeout.total_seconds())
    stored = _stored(spec, ports)
    attempts: tuple[Attempt, ...] = ()
    if (ca := asked_of(spec)) is not None:
        names = spec.dns_names if stored is None else _ordered_names(spec, served, stored)
        attempts = recalled(target, port.attempts(ca, names, where))
    suggested = None
    if where is not None and spec.acme is not None:
        suggested = port.renewal_info(where, ca_of(spec.acme))
    return Observed(served, published, brought, attempts, server, stored, suggested=suggested)


def _stored(spec: CertificateSpec, ports: Ports) -> tuple[Facts, ...] | Unknown | None:
    storage = storage_of(spec)
    if storage is None:
        return None
    try:
        return ports.traefik.certificates(storage)
    except CertificateError as error:
        return Unknown(error.message)


def _ordered_names(
    spec: CertificateSpec, served: tuple[Served, ...], stored: tuple[Facts, ...] | Unknown
) -> tuple[str, ...]:
    """The names that Traefik orders: those of what it shows and has, which may be more than ours."""
    known = {one.serial for one in stored} if isinstance(stored, tuple) else set()
    for one in served:
        if isinstance(one.facts, Facts) and one.facts.serial in known:
            return one.facts.names
    return spec.dns_names


def _server(spec: CertificateSpec, ports: Ports) -> Service | Unknown | None:
    if spec.traefik is None:
        return None
    try:
        return ports.swarm.service(spec.traefik.service)
    except SwarmError as error:
        return Unknown(str(error))
