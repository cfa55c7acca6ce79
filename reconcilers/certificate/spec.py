"""What people write to keep a certificate, with cert-manager's names where it has one."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import Duration
from desired_state.objects import CommonSpec, ObjectRef
from desired_state.secret_reference import SecretKeyReference, SecretName
from swarmkeeper.runtime.certificates import AcmeCa, Brought, Endpoint, Facts, Publication, Trust
from swarmkeeper.runtime.traefik_storage import Storage

HTTPS: Final = 443
LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
LEAST: Final = timedelta(minutes=5)
"""No certificate is renewed later than this before its end, as with cert-manager."""
_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"(\*\.)?({_LABEL}\.)*{_LABEL}")


def _dns_name(name: str) -> str:
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no DNS name: write it like app.example.org, in lower case")
    return name


def _absolute(path: str) -> str:
    if not PurePosixPath(path).is_absolute():
        raise ValueError(f"{path!r} must be absolute")
    return path


ServiceName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=63)
]
DnsName = Annotated[str, AfterValidator(_dns_name)]
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]


class EndpointSpec(DeclaredModel):
    """Where the certificate is served."""

    host: Host
    """Name or address; every address of a name is asked."""
    port: int = Field(default=HTTPS, ge=1, le=65535)
    """TCP port that speaks TLS from the first byte."""
    server_name: DnsName | None = None
    """Name to ask for (SNI); by default the first of dnsNames."""


class TrustSpec(DeclaredModel):
    """The CAs that a chain must lead to."""

    ca_secret_ref: SecretKeyReference | None = None
    """Secret with the CAs' certificates; by default those that the operator's machine trusts."""


class FilesIssuer(DeclaredModel):
    """Certificates that come from elsewhere, as files."""

    certificate_secret_ref: SecretKeyReference
    """Secret with the certificate and its intermediates, as PEM."""
    key_secret_ref: SecretKeyReference
    """Secret with the private key, as PEM without a password."""


class DnsSolver(DeclaredModel):
    """How control over the names is shown in DNS."""

    hook: SecretName
    """Program in `acme/hooks` of the data folder, called as lego's `exec` provider does."""


class AcmeIssuer(DeclaredModel):
    """A CA that issues by ACME (RFC 8555)."""

    server: Annotated[str, StringConstraints(pattern=r"^https://[^\s@]+$")] = LETS_ENCRYPT
    """URL of its directory; by default Let's Encrypt's. Its terms of service are agreed to."""
    email: Annotated[str, StringConstraints(pattern=r"^([^\s@]+@[^\s@]+)?$")] = ""
    """Whom it may write to."""
    ca_secret_ref: SecretKeyReference | None = None
    """Secret with the CAs that its own HTTPS is checked against; by default the public ones."""
    dns01: DnsSolver | None = None
    """Shows control over the names in DNS; by default HTTP-01 is answered. Needed for `*.` names."""
    certificates_per_week: int = Field(default=5, ge=1)
    """Certificates for the same names that it issues in seven days."""


def _below(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} must lie below the folder of --traefik-storage")
    return path


class StorageSpec(DeclaredModel):
    """Where Traefik keeps its certificates, as the operator sees it."""

    path: Annotated[str, StringConstraints(min_length=1), AfterValidator(_below)] = "acme.json"
    """The file, below the folder of `--traefik-storage`."""
    resolver: Annotated[str, StringConstraints(min_length=1)]
    """Name of the certificates resolver in Traefik's configuration."""


class TraefikIssuer(DeclaredModel):
    """Traefik itself, which orders its certificates by ACME and renews them at its start."""

    service: ServiceName
    """Its service in the Swarm."""
    renew_period: Duration = timedelta(days=30)
    """How long before their end it renews: 30 days, unless its `certificatesDuration` says otherwise."""
    confirm: bool = True
    """Whether each restart waits for approval: who is connected to it is cut off."""
    storage: StorageSpec | None = None
    """Its file; without it nothing can be renewed before Traefik's own time."""
    server: Annotated[str, StringConstraints(pattern=r"^https://[^\s@]+$")] = LETS_ENCRYPT
    """Directory of the CA that the resolver asks: orders are counted by it."""
    issuance_timeout: Duration = Field(default=timedelta(minutes=2), ge=timedelta(seconds=10))
    """How long Traefik may take, once it is started, to show a new certificate."""


class IssuerSpec(DeclaredModel):
    """Where new certificates come from: one of these."""

    files: FilesIssuer | None = None
    """They are brought from elsewhere, and published here."""
    acme: AcmeIssuer | None = None
    """They are ordered when one is due, and published here."""
    traefik: TraefikIssuer | None = None
    """Traefik has them, and is restarted when one is due that it would renew."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.files, self.acme, self.traefik)) != 1:
            raise ValueError("give one of files, acme and traefik")
        return self


class PublishSpec(DeclaredModel):
    """How servers get the certificate: as files for Traefik's file provider."""

    mount_path: Annotated[str, AfterValidator(_absolute)] | None = None
    """The folder of `--certificates` as the server sees it; by default as the operator does."""


class CertificateSpec(CommonSpec):
    """One certificate, as it is served and where it comes from."""

    dns_names: tuple[DnsName, ...] = Field(min_length=1)
    """Names that it must stand for."""
    endpoints: tuple[EndpointSpec, ...] = Field(min_length=1)
    """Where it is served."""
    renew_before: Duration | None = Field(default=None, ge=LEAST)
    """How long before its end it is due; by default a third of its lifetime."""
    renew_before_percentage: int | None = Field(default=None, ge=1, le=99)
    """The same, in percent of its lifetime."""
    issuer: IssuerSpec | None = None
    """Where new ones come from; none: it is only watched."""
    publish: PublishSpec | None = None
    """How servers get it; none: by means of others."""
    trust: TrustSpec = TrustSpec()
    """Whose certificates are believed; by default those that the operator's machine believes."""
    probe_timeout: Duration = Field(default=timedelta(seconds=5), gt=timedelta(0))
    """How long a connection with its handshake may take."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.renew_before is not None and self.renew_before_percentage is not None:
            raise ValueError("give either renewBefore or renewBeforePercentage")
        if self.publish is not None and self.issuer is None:
            raise ValueError("publish needs an issuer")
        if self.publish is not None and self.traefik is not None:
            raise ValueError("issuer traefik publishes nothing: Traefik shows its own")
        if self.publish is None and (self.files is not None or self.acme is not None):
            raise ValueError("issuer needs publish: where the certificate goes")
        acme = self.issuer.acme if self.issuer else None
        if acme and not acme.dns01 and any(name.startswith("*.") for name in self.dns_names):
            raise ValueError("names with a star need issuer.acme.dns01")
        return self

    @property
    def files(self) -> FilesIssuer | None:
        """The issuer, if certificates are brought."""
        return self.issuer.files if self.issuer else None

    @property
    def acme(self) -> AcmeIssuer | None:
        """The issuer, if certificates are ordered."""
        return self.issuer.acme if self.issuer else None

    @property
    def traefik(self) -> TraefikIssuer | None:
        """The issuer, if Traefik has its own certificates."""
        return self.issuer.traefik if self.issuer else None

    def due_before(self, facts: Facts) -> timedelta:
        """How long before its end a certificate is due.

        A time as long as its whole life would renew it for ever: then a third of it counts.
        """
        third = facts.lifetime / 3
        percentage = self.renew_before_percentage
        wanted = facts.lifetime * percentage / 100 if percentage else self.renew_before or third
        return wanted if wanted < facts.lifetime else third


def endpoints_of(spec: CertificateSpec) -> tuple[Endpoint, ...]:
    """The endpoints, as the port names them."""
    first = spec.dns_names[0].replace("*", "any", 1)
    return tuple(Endpoint(one.host, one.port, one.server_name or first) for one in spec.endpoints)


def trust_of(spec: CertificateSpec) -> Trust:
    """Whom to trust, as the port wants it."""
    return Trust(spec.trust.ca_secret_ref)


def brought_of(issuer: FilesIssuer) -> Brought:
    """Where a certificate from elsewhere lies, as the port wants it."""
    return Brought(issuer.certificate_secret_ref, issuer.key_secret_ref)


def storage_of(spec: CertificateSpec) -> Storage | None:
    """Traefik's file, as the port wants it; None where it is not declared."""
    declared = spec.traefik.storage if spec.traefik else None
    return Storage(declared.path, declared.resolver) if declared else None


def asked_of(spec: CertificateSpec) -> AcmeCa | None:
    """The CA whose orders are counted; None where none is asked for this object's sake."""
    if spec.acme is not None:
        return ca_of(spec.acme)
    if spec.traefik is not None and spec.traefik.storage is not None:
        return AcmeCa(spec.traefik.server)
    return None


def ca_of(issuer: AcmeIssuer) -> AcmeCa:
    """Whom to ask, as the port wants it."""
    hook = issuer.dns01.hook if issuer.dns01 else ""
    return AcmeCa(issuer.server, issuer.email, issuer.ca_secret_ref, hook)


def publication_of(ref: ObjectRef, publish: PublishSpec) -> Publication:
    """Where it is published: no two objects share a name, as names hold no dots."""
    return Publication(f"{ref.namespace}.{ref.name}", publish.mount_path or "")
