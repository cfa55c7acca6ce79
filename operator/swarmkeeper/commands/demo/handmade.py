"""A certificate as people make them by hand: from a CA of their own, and nearly at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LEFT: Final = timedelta(days=2)
_LIFETIME: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class HandMade:
    """All as PEM.

    Attributes:
        certificate: ends in two days.
        key: its key.
        authority: the CA that has issued it.
    """

    certificate: bytes
    key: bytes
    authority: bytes


def hand_made(name: str) -> HandMade:
    """Makes one for a DNS name."""
    own, key = _key(), _key()
    names = [x509.DNSName(name)]
    who = _name("The CA before")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = _builder(who, who, own).add_extension(x509.BasicConstraints(True, None), True)
    authority = authority.add_extension(usage, True).add_extension(_identifier(own), False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key())
    leaf = _builder(_name(name), who, key).add_extension(issuer, False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), False)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificates = (each.sign(own, hashes.SHA256()) for each in (leaf, authority))
    certificate, root = (each.public_bytes(Encoding.PEM) for each in certificates)
    return HandMade(certificate, pem, root)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    ends = datetime.now(UTC) + LEFT
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - _LIFETIME)
        .not_valid_after(ends)
    )
