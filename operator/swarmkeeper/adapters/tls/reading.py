"""Reads certificates and keys."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from swarmkeeper.runtime.certificates import CertificateError, Facts


def facts(own: x509.Certificate, distrust: str) -> Facts:
    """What a certificate says."""
    return Facts(
        fingerprint=own.fingerprint(hashes.SHA256()).hex(),
        key_fingerprint=_key_fingerprint(own),
        serial=f"{own.serial_number:x}",
        subject=own.subject.rfc4514_string(),
        issuer=own.issuer.rfc4514_string(),
        names=names(own),
        not_before=own.not_valid_before_utc,
        not_after=own.not_valid_after_utc,
        distrust=distrust,
    )


def names(own: x509.Certificate) -> tuple[str, ...]:
    """Whom a certificate stands for: its DNS names, then its addresses."""
    try:
        found = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    dns = found.get_values_for_type(x509.DNSName)
    return (*dns, *(str(one) for one in found.get_values_for_type(x509.IPAddress)))


def pair(certificate: bytes, key: bytes) -> list[x509.Certificate]:
    """The chain of a certificate whose key fits.

    Raises:
        CertificateError: InvalidCertificate, or InvalidKeyPair. Nothing of the key is told.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate)
    except ValueError as error:
        raise CertificateError("InvalidCertificate", f"no certificate in PEM: {error}") from None
    try:
        public = load_pem_private_key(key, password=None).public_key()
    except Exception:
        message = "the key is no private key in PEM, or has a password"
        raise CertificateError("InvalidKeyPair", message) from None
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if hashlib.sha256(encoded).hexdigest() != _key_fingerprint(chain[0]):
        raise CertificateError("InvalidKeyPair", "the key is not that of the certificate")
    return chain


def _key_fingerprint(own: x509.Certificate) -> str:
    encoded = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()
