"""What kinds may ask about TLS certificates: the port, and what it gives.

Times are timezone-aware (UTC). Names are those of the subject alternative names: `app.example.org`,
`*.example.org`, or an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.runtime.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a certificate is served.

    Attributes:
        host: name or address; every address that a name has is asked.
        port: TCP port.
        server_name: sent in the handshake (SNI).
    """

    host: str
    port: int
    server_name: str

    def __str__(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are believed.

    Attributes:
        ca: where the CA's certificates lie; None: those that this machine trusts.
    """

    ca: SecretKeyReference | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says, and what its chain is worth.

    Attributes:
        fingerprint: SHA-256 of the certificate, in hexadecimal.
        key_fingerprint: SHA-256 of its public key, in hexadecimal.
        serial: in hexadecimal.
        subject: as RFC 4514 writes it.
        issuer: as RFC 4514 writes it.
        names: whom it stands for.
        not_before: when it begins to be valid.
        not_after: when it ends.
        distrust: why its chain leads to no trusted CA; empty where it does. Its time is not judged.
    """

    fingerprint: str
    key_fingerprint: str
    serial: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    distrust: str = ""

    @property
    def lifetime(self) -> timedelta:
        """How long it is valid in all."""
        return self.not_after - self.not_before


@dataclass(frozen=True, slots=True)
class Served:
    """What one address of an endpoint showed.

    Attributes:
        endpoint: that was asked.
        address: IP address; empty where the host has none.
        facts: of the certificate, or why there was none to be seen.
    """

    endpoint: Endpoint
    address: str
    facts: Facts | Unknown


@dataclass(frozen=True, slots=True)
class Stored:
    """A certificate with its key, as files.

    Attributes:
        facts: of the certificate; None where there is none, or none that can be read.
        problem: CamelCase reason why it can't be used; empty where it can.
        message: the same for people.
        written: when it was put there, where that is known.
    """

    facts: Facts | None = None
    problem: str = ""
    message: str = ""
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """Where a certificate that was made elsewhere lies.

    Attributes:
        certificate: PEM, the certificate itself first, then its intermediates.
        key: PEM, without a password.
    """

    certificate: SecretKeyReference
    key: SecretKeyReference


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a certificate is put for the servers that show it.

    Attributes:
        name: of its files, without ending.
        mount: the folder as the server that reads it sees it; empty: as the operator does.
    """

    name: str
    mount: str = ""


@dataclass(frozen=True, slots=True)
class AcmeCa:
    """A CA that issues by ACME.

    Attributes:
        server: URL of its directory.
        email: it may write to; may be empty.
        ca: where the CAs lie that its own HTTPS is checked against; None: the public ones.
        hook: program that answers DNS-01; empty: HTTP-01 is answered.
    """

    server: str
    email: str = ""
    ca: SecretKeyReference | None = None
    hook: str = ""


@dataclass(frozen=True, slots=True)
class RenewalInfo:
    """When a CA suggests to renew a certificate (ARI, RFC 9773).

    Attributes:
        start: of the time that it suggests.
        end: of that time.
        at: when we do it within that time.
        explanation: URL of why; empty where there is none.
        problem: why nothing newer is known; empty where this is what the CA says now.
    """

    start: datetime
    end: datetime
    at: datetime
    explanation: str = ""
    problem: str = ""


INTERRUPTED: Final = "Interrupted"
"""Reason of an attempt whose end nobody saw: the CA may have issued."""
ORDER_GONE: Final = "OrderGone"
"""Reason of an attempt to go on with an order that the CA knows no more: it may have issued."""
ORDER_INVALID: Final = "OrderInvalid"
"""Reason of an attempt to go on with an order that the CA has given up."""
ALREADY_REPLACED: Final = "AlreadyReplaced"
"""Reason of an order that was to replace a certificate which has a successor already, says the CA."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order at a CA.

    Attributes:
        time: when it began.
        key: who asked for it: an attempt with the same key is not made twice.
        serial: of the certificate that came of it; empty where none did.
        reason: CamelCase word for why none did.
        message: the same for people.
        retry_after: when the CA takes another one, where it has said so.
        order: URL of the order at the CA, which several attempts may be about; empty where none was placed.
        open: whether it can still be gone on with here, which costs no further order.
        exempt: whether the CA does not count it, for it has suggested it.
    """

    time: datetime
    key: str
    serial: str = ""
    reason: str = ""
    message: str = ""
    retry_after: datetime | None = None
    order: str = ""
    open: bool = False
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """How a certificate is asked for.

    Attributes:
        key: who asks: what the same one has got already is not ordered again.
        replaces: whether the CA is told which one it replaces: that which is published.
        exempt: whether the CA does not count it, for it has suggested it.
    """

    key: str
    replaces: bool = False
    exempt: bool = False


class CertificateError(Exception):
    """It can't be done.

    Args:
        reason: CamelCase word for the condition.
        message: for people; holds no secret.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Certificates(Protocol):
    """TLS certificates, served and stored. Thread-safe; every call is bounded in time."""

    def served(
        self, endpoints: Sequence[Endpoint], trust: Trust, *, timeout: float
    ) -> tuple[Served, ...]:
        """Asks every address of every endpoint, several at once; trust is judged, not required.

        Args:
            endpoints: which ones.
            trust: whose certificates are believed.
            timeout: seconds for each connection with its handshake.

        Raises:
            CertificateError: the trusted CAs can't be read.
        """
        ...

    def brought(self, files: Brought, trust: Trust) -> Stored:
        """Reads a certificate that was brought.

        Raises:
            CertificateError: the trusted CAs can't be read.
        """
        ...

    def published(self, where: Publication, trust: Trust) -> Stored:
        """Reads the certificate that is published now; problem `DoesNotExist` where there is none.

        Raises:
            CertificateError: the trusted CAs can't be read.
        """
        ...

    def publish(self, where: Publication, files: Brought) -> str:
        """Publishes a certificate that was brought, all of it or nothing; gives its fingerprint.

        Raises:
            CertificateError: it can't be read or written.
        """
        ...

    def attempts(
        self, ca: AcmeCa, names: Sequence[str], where: Publication | None = None
    ) -> tuple[Attempt, ...]:
        """Attempts for exactly these names in the last week, oldest first.

        Args:
            ca: that was asked.
            names: whom it stands for.
            where: their certificate is published: each has an open order of its own; None where others order.
        """
        ...

    def note(self, ca: AcmeCa, names: Sequence[str], attempt: Attempt) -> None:
        """Writes down an order that another program places, or how it has ended.

        Raises:
            CertificateError: it can't be written; then nothing may be ordered.
        """
        ...

    def renewal_info(self, where: Publication, ca: AcmeCa) -> RenewalInfo | Unknown | None:
        """When the CA suggests to renew the certificate that is published; None where it does not.

        Asked as often as the CA wants; in between it is what was said before.
        """
        ...

    def issue(self, where: Publication, ca: AcmeCa, names: Sequence[str], asked: Asked) -> str:
        """Orders a certificate with a new key, and publishes it; gives its serial.

        An order that was interrupted is gone on with.

        Args:
            where: to publish it.
            ca: whom to ask.
            names: whom it stands for.
            asked: by whom, and how.

        Raises:
            CertificateError: there is none; what was published stays.
        """
        ...


class _NoCertificates:
    """Where there is no TLS."""

    def served(
        self, endpoints: Sequence[Endpoint], trust: Trust, *, timeout: float
    ) -> tuple[Served, ...]:
        raise _NONE

    def brought(self, files: Brought, trust: Trust) -> Stored:
        raise _NONE

    def published(self, where: Publication, trust: Trust) -> Stored:
        raise _NONE

    def publish(self, where: Publication, files: Brought) -> str:
        raise _NONE

    def attempts(
        self, ca: AcmeCa, names: Sequence[str], where: Publication | None = None
    ) -> tuple[Attempt, ...]:
        raise _NONE

    def note(self, ca: AcmeCa, names: Sequence[str], attempt: Attempt) -> None:
        raise _NONE

    def renewal_info(self, where: Publication, ca: AcmeCa) -> RenewalInfo | Unknown | None:
        raise _NONE

    def issue(self, where: Publication, ca: AcmeCa, names: Sequence[str], asked: Asked) -> str:
        raise _NONE


_NONE: Final = CertificateError("EndpointUnreachable", "there is no TLS in this process")
NO_CERTIFICATES: Final[Certificates] = _NoCertificates()
"""Sees no certificate."""
