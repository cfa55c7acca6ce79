"""The port for certificates, on real connections and files."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography import x509

from swarmkeeper.adapters.secret_folder import SecretFolder, SecretMissing
from swarmkeeper.adapters.tls import acme_client, handshake, open_orders
from swarmkeeper.adapters.tls.acme_client import AcmeClient
from swarmkeeper.adapters.tls.acme_errors import RateLimitedError
from swarmkeeper.adapters.tls.chains import Roots, roots_of, system_roots
from swarmkeeper.adapters.tls.folder import CertificateFolder
from swarmkeeper.adapters.tls.handshake import HandshakeError
from swarmkeeper.adapters.tls.hooks import Hooks
from swarmkeeper.adapters.tls.ledger import Ledger
from swarmkeeper.adapters.tls.open_orders import OpenOrder, OpenOrders, name_of
from swarmkeeper.adapters.tls.reading import facts, pair
from swarmkeeper.adapters.tls.renewal_info import certificate_id
from swarmkeeper.adapters.tls.responder import Responder
from swarmkeeper.runtime.certificates import (
    INTERRUPTED,
    AcmeCa,
    Asked,
    Attempt,
    Brought,
    CertificateError,
    Endpoint,
    Facts,
    Publication,
    RenewalInfo,
    Served,
    Stored,
    Trust,
)
from swarmkeeper.runtime.ports import Clock
from swarmkeeper.runtime.unknown import Unknown

AT_ONCE: Final = 16
"""Handshakes of one look that are under way at a time."""
_RESUMED: Final = frozenset(
    {
        *("CAUnreachable", "CATimeout", "RateLimited", "NotWritten"),
        *("ResponderFailed", "HookFailed"),
    }
)
"""Reasons after which an order can be gone on with; after others it can't."""
Place = tuple[Endpoint, str, str]
"""(endpoint, address, why it can't be asked)."""


class TlsCertificates:
    """Certificates as they are served and stored.

    Args:
        secrets: where CAs and certificates from elsewhere lie.
        folder: where certificates are published; None where that is not seen from here.
        clock: chains are judged by its time.
        acme: orders certificates.
        ledger: of what was ordered.
        orders: those that have not ended.
    """

    def __init__(
        self,
        secrets: SecretFolder,
        folder: CertificateFolder | None,
        clock: Clock,
        acme: AcmeClient,
        ledger: Ledger,
        orders: OpenOrders,
    ) -> None:
        self._secrets = secrets
        self._published = folder
        self._clock = clock
        self._acme = acme
        self._ledger = ledger
        self._orders = orders

    def served(
        self, endpoints: Sequence[Endpoint], trust: Trust, *, timeout: float
    ) -> tuple[Served, ...]:
        """Asks every address of every endpoint; see the port."""
        roots = self._roots(trust)
        with ThreadPoolExecutor(min(AT_ONCE, len(endpoints)), "handshake") as pool:
            places = [place for some in pool.map(_places, endpoints) for place in some]
            return tuple(pool.map(lambda place: self._ask(place, roots, timeout), places))

    def brought(self, files: Brought, trust: Trust) -> Stored:
        """Reads a certificate that was brought; see the port."""
        roots = self._roots(trust)
        try:
            return self._judged(*self._read(files), roots)
        except CertificateError as error:
            return Stored(problem=error.reason, message=error.message)

    def published(self, where: Publication, trust: Trust) -> Stored:
        """Reads the certificate that is published; see the port."""
        roots, folder = self._roots(trust), self._folder
        try:
            found = folder.read(where)
            if found is None:
                return Stored(problem="DoesNotExist", message="no certificate is published yet")
            stored = self._judged(found.certificate, found.key, roots)
        except CertificateError as error:
            return Stored(problem=error.reason, message=error.message)
        return Stored(stored.facts, written=found.written)

    def publish(self, where: Publication, files: Brought) -> str:
        """Publishes a certificate that was brought; see the port."""
        certificate, key = self._read(files)
        fingerprint = facts(pair(certificate, key)[0], "").fingerprint
        self._folder.write(where, fingerprint, certificate, key)
        return fingerprint

    def attempts(
        self, ca: AcmeCa, names: Sequence[str], where: Publication | None = None
    ) -> tuple[Attempt, ...]:
        """Attempts of the last week; see the port."""
        try:
            found = self._ledger.attempts(ca.server, tuple(names))
        except (OSError, ValueError, LookupError) as error:
            message = f"the ledger can't be read: {type(error).__name__}"
            raise CertificateError("LedgerUnreadable", message) from None
        order = self._orders.read(name_of(where, ca, names)) if where else None
        if order is None or not order.url:
            return found
        return tuple(replace(one, open=one.order == order.url) for one in found)

    def issue(self, where: Publication, ca: AcmeCa, names: Sequence[str], asked: Asked) -> str:
        """Orders a certificate and publishes it; see the port.

        A kill in between loses no certificate, and none is counted too few, by what is written in turn: the
        ledger, the key, the order's URL, the certificate, the ledger again, what is published.
        """
        name = name_of(where, ca, names)
        order = self._orders.read(name)
        if order is None or self._is_published(where, order):
            for known in self.attempts(ca, names, where):
                if known.key == asked.key and known.serial:
                    self._orders.remove(name)
                    return known.serial
            order = acme_client.new_order()
        if not order.chain:
            order = self._ordered(name, ca, names, order, asked, self._replaced(where, asked))
        chain, pem = order.chain.encode(), order.key.encode()
        own = facts(pair(chain, pem)[0], "")
        self._count(where, ca, names, order, own.serial)
        self._folder.write(where, own.fingerprint, chain, pem)
        self._orders.remove(name)
        return own.serial

    def _count(
        self, where: Publication, ca: AcmeCa, names: Sequence[str], order: OpenOrder, serial: str
    ) -> None:
        """Closes the attempt whose certificate is here, where it has not been."""
        same = [one for one in self.attempts(ca, names, where) if one.order == order.url]
        if same and not any(one.serial for one in same):
            self.note(ca, names, replace(same[-1], serial=serial, reason="", message=""))

    def _ordered(
        self,
        name: str,
        ca: AcmeCa,
        names: Sequence[str],
        order: OpenOrder,
        asked: Asked,
        replaces: str,
    ) -> OpenOrder:
        """Has an order end, and the ledger say how."""
        begun = self._clock.now()
        attempt = Attempt(
            begun,
            asked.key,
            reason=INTERRUPTED,
            message="it did not end",
            order=order.url,
            exempt=asked.exempt,
        )

        def keep(placed: OpenOrder) -> None:
            nonlocal attempt
            self._orders.write(name, placed)
            attempt = replace(attempt, order=placed.url)
            self.note(ca, names, attempt)

        verify = self._verifying(ca)
        self.note(ca, names, attempt)
        try:
            self._orders.write(name, order)
            ended = self._acme.issue(ca, names, verify, replace(order, replaces=replaces), keep)
            pair(ended.chain.encode(), ended.key.encode())
            self._orders.write(name, ended)
        except CertificateError as error:
            until = error.until if isinstance(error, RateLimitedError) else None
            closed = replace(attempt, reason=error.reason, message=error.message, retry_after=until)
            self.note(ca, names, closed)
            if error.reason not in _RESUMED:
                self._orders.remove(name)
            raise
        return ended

    def _verifying(self, ca: AcmeCa) -> bool | str:
        """What the CA's own HTTPS is checked against, as `requests` wants it."""
        try:
            return str(self._secrets.path(ca.ca)) if ca.ca else True
        except SecretMissing as error:
            raise CertificateError("SecretMissing", str(error)) from None

    def _replaced(self, where: Publication, asked: Asked) -> str:
        """What ARI calls the certificate that is published; empty where the CA is not to be told."""
        try:
            found = self._folder.read(where) if asked.replaces else None
            chain = pair(found.certificate, found.key) if found else []
        except CertificateError:
            return ""
        return (certificate_id(chain[0]) or "") if chain else ""

    def renewal_info(self, where: Publication, ca: AcmeCa) -> RenewalInfo | Unknown | None:
        """When the CA suggests to renew what is published; see the port."""
        try:
            found = self._folder.read(where)
            chain = pair(found.certificate, found.key) if found else []
        except CertificateError:
            return None
        if not chain:
            return None
        return self._acme.suggested(ca, self._verifying(ca), chain[0], self._clock.now())

    def _is_published(self, where: Publication, order: OpenOrder) -> bool:
        """Whether an order has nothing left to do: its end was not seen."""
        try:
            found = self._folder.read(where)
        except CertificateError:
            return False
        return found is not None and found.key == order.key.encode()

    @property
    def _folder(self) -> CertificateFolder:
        if self._published is None:
            message = "what is published is not seen from here: --certificates names its folder"
            raise CertificateError("NotHere", message)
        return self._published

    def note(self, ca: AcmeCa, names: Sequence[str], attempt: Attempt) -> None:
        """Writes an order down; see the port."""
        try:
            self._ledger.write(ca.server, tuple(names), attempt)
        except (OSError, ValueError, LookupError) as error:
            message = f"the ledger can't be written: {type(error).__name__}"
            raise CertificateError("LedgerUnreadable", message) from None

    def _judged(self, certificate: bytes, key: bytes, roots: Roots) -> Stored:
        chain = pair(certificate, key)
        return Stored(self._facts(chain, roots))

    def _facts(self, chain: Sequence[x509.Certificate], roots: Roots) -> Facts:
        return facts(chain[0], roots.distrust(chain, self._clock.now()))

    def _ask(self, place: Place, roots: Roots, timeout: float) -> Served:
        endpoint, address, problem = place
        if problem:
            return Served(endpoint, address, Unknown(problem))
        try:
            chain = handshake.chain(address, endpoint.port, endpoint.server_name, timeout)
            return Served(endpoint, address, self._facts(chain, roots))
        except (HandshakeError, ValueError) as error:
            return Served(endpoint, address, Unknown(str(error)))

    def _read(self, files: Brought) -> tuple[bytes, bytes]:
        try:
            certificate = self._secrets.path(files.certificate).read_bytes()
            return certificate, f"{self._secrets.read(files.key)}\n".encode()
        except SecretMissing as error:
            raise CertificateError("MissingData", str(error)) from None
        except OSError as error:
            message = f"secret {files.certificate.name} can't be read: {type(error).__name__}"
            raise CertificateError("MissingData", message) from None

    def _roots(self, trust: Trust) -> Roots:
        try:
            pem = self._secrets.path(trust.ca).read_bytes() if trust.ca else system_roots()
            return roots_of(pem)
        except SecretMissing as error:
            raise CertificateError("SecretMissing", str(error)) from None
        except (OSError, ValueError) as error:
            message = f"the trusted CAs can't be read: {type(error).__name__}"
            raise CertificateError("InvalidCA", message) from None


def in_data_folder(
    secrets: SecretFolder, data: Path, published: Path | None, clock: Clock, listen: tuple[str, int]
) -> TlsCertificates:
    """Certificates with what is kept about them in the operator's data folder.

    Args:
        secrets: where CAs and certificates from elsewhere lie.
        data: the operator's folder; account keys, open orders, the ledger and hooks lie in it.
        published: folder that servers watch; None where it is not seen from here.
        clock: chains are judged by its time.
        listen: host and port that answer HTTP-01 while an order is under way.
    """
    folder = data / acme_client.FOLDER
    acme = AcmeClient(folder, Responder(*listen), Hooks(folder / acme_client.HOOKS))
    ledger = Ledger(folder / "ledger.jsonl")
    watched = CertificateFolder(published) if published else None
    orders = OpenOrders(folder / open_orders.FOLDER)
    return TlsCertificates(secrets, watched, clock, acme, ledger, orders)


def _places(endpoint: Endpoint) -> list[Place]:
    """What is to be asked, or why there is nothing to ask."""
    try:
        found = handshake.addresses(endpoint.host, endpoint.port)
    except HandshakeError as error:
        return [(endpoint, "", str(error))]
    return [(endpoint, address, "") for address in found]
