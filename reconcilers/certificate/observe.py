"""Looks at the certificate: as it is served, as it is published, and as it was brought. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from reconcilers.certificate.memory import recalled
from reconcilers.certificate.spec import (
    CertificateSpec,
    brought_of,
    ca_of,
    endpoints_of,
    publication_of,
    trust_of,
)
from swarmkeeper.runtime.certificates import Attempt, CertificateError, Served, Stored
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
        reason: CamelCase word for why nothing could be judged; empty where it could.
    """

    served: tuple[Served, ...] | Unknown
    published: Stored | None = None
    brought: Stored | None = None
    attempts: tuple[Attempt, ...] = ()
    server: Service | Unknown | None = None
    reason: str = ""


def observe(target: Target[CertificateSpec], ports: Ports) -> Observed:
    """Asks every endpoint, and reads the files."""
    spec, trust, port = target.spec, trust_of(target.spec), ports.certificates
    try:
        published = brought = None
        attempts: tuple[Attempt, ...] = ()
        if spec.publish is not None:
            where = publication_of(target.ref, spec.publish)
            published = port.published(where, trust)
            if spec.acme is not None:
                known = port.attempts(where, ca_of(spec.acme), spec.dns_names)
                attempts = recalled(target, known)
        if spec.files is not None:
            brought = port.brought(brought_of(spec.files), trust)
        timeout = spec.probe_timeout.total_seconds()
        served = port.served(endpoints_of(spec), trust, timeout=timeout)
        return Observed(served, published, brought, attempts, _server(spec, ports))
    except CertificateError as error:
        return Observed(Unknown(error.message), reason=error.reason)


def _server(spec: CertificateSpec, ports: Ports) -> Service | Unknown | None:
    if spec.traefik is None:
        return None
    try:
        return ports.swarm.service(spec.traefik.service)
    except SwarmError as error:
        return Unknown(str(error))
