"""Certificates of a CA of our own, and servers that show them."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Of an elliptic curve: made at once."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain and key, as PEM."""

    certificate: x509.Certificate
    chain: bytes
    key: bytes

    def write(self, folder: Path, name: str = "pair") -> tuple[Path, Path]:
        """As two files."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        for path, content in zip(paths, (self.chain, self.key), strict=True):
            path.write_bytes(content)
        return paths

    @property
    def serial(self) -> str:
        """In hexadecimal."""
        return f"{self.certificate.serial_number:x}"


@dataclass
class Authority:
    """A root and an intermediate CA."""

    name: str = "Test CA"
    _root_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    _key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        """Makes both certificates."""
        root, below = _name(f"{self.name} root"), _name(self.name)
        self._root = _ca(root, root, self._root_key, self._root_key)
        self._intermediate = _ca(below, root, self._key, self._root_key)
        self.pem = self._root.public_bytes(Encoding.PEM)

    def issue(
        self,
        *names: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        now: datetime | None = None,
        whole: bool = True,
    ) -> Pair:
        """A certificate for these names.

        Args:
            names: DNS names and addresses.
            begins: from now.
            ends: from now.
            now: by default the machine's time.
            whole: with the intermediate.
        """
        key, now = new_key(), now or datetime.now(UTC)
        issuer = self._intermediate
        builder = _builder(_name(names[0]), issuer.subject, key, now + begins, now + ends)
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(_alt, names)]), False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        chain = [certificate, issuer] if whole else [certificate]
        return _pair(chain, key)


def self_signed(name: str) -> Pair:
    """A certificate that nobody has issued."""
    key, now = new_key(), datetime.now(UTC)
    builder = _builder(_name(name), _name(name), key, now - DAY, now + 90 * DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([_alt(name)]), False)
    return _pair([builder.sign(key, hashes.SHA256())], key)


class TlsServer:
    """Shows a certificate by SNI, on a free port of 127.0.0.1, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._front.sni_callback = self._choose
        threading.Thread(target=self._serve, daemon=True).start()

    def show(self, pair: Pair, name: str | None = None) -> None:
        """Shows a certificate from now on, for one name or for all others."""
        certificate, key = pair.write(self._folder, name or "default")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._contexts[name] = context
        if name is None:
            self._front.load_cert_chain(certificate, key)

    def stop(self) -> None:
        """Listens no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes up who accepts
        self._listener.close()

    def _choose(self, session: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        found = self._contexts.get(name) or self._contexts.get(None)
        if found is not None:
            session.context = found

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._shake, args=(connection,), daemon=True).start()

    def _shake(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with suppress(OSError), self._front.wrap_socket(connection, server_side=True) as session:
            session.recv(1)


@contextmanager
def tls_server(folder: Path, pair: Pair) -> Iterator[TlsServer]:
    """A server that shows a certificate."""
    server = TlsServer(folder)
    server.show(pair)
    try:
        yield server
    finally:
        server.stop()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alt(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begins: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _ca(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    builder = _builder(subject, issuer, key, begins, begins + 20 * 365 * DAY)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(identifier, critical=False)
    return builder.add_extension(authority, critical=False).sign(signer, hashes.SHA256())


def _pair(chain: Sequence[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(chain[0], pem, own)
