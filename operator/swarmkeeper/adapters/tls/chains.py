"""Judges chains by the trusted CAs, with the verifier of `cryptography` (RFC 5280, CA/B forum)."""

from __future__ import annotations

import ipaddress
import re
import ssl
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from swarmkeeper.adapters.tls.reading import names

_DEBIAN: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_QUIET: Final = threading.Lock()  # Python's filters of warnings are one for all threads
_MOMENT: Final = timedelta(seconds=1)


class Roots:
    """Trusted CAs.

    Args:
        pem: their certificates.

    Raises:
        ValueError: there is none in it.
    """

    def __init__(self, pem: bytes) -> None:
        self._all = frozenset(_parsed(pem))
        self._store = verification.Store(list(self._all))

    def distrust(self, chain: Sequence[x509.Certificate], now: datetime) -> str:
        """Why a chain leads to none of them; empty where it does.

        An expired certificate is judged as on its last day: that it is expired is told elsewhere.
        """
        own, *others = chain
        if own in self._all:
            return ""
        found = names(own)
        if not found:
            return "it has no subject alternative name"
        latest = own.not_valid_after_utc - _MOMENT
        when = max(own.not_valid_before_utc, min(now, latest))
        policy = verification.PolicyBuilder().store(self._store).time(when)
        try:
            policy.build_server_verifier(_subject(found[0])).verify(own, others)
        except (verification.VerificationError, ValueError) as error:
            return str(error).splitlines()[0]
        return ""


@lru_cache(maxsize=16)
def roots_of(pem: bytes) -> Roots:
    """The CAs in a PEM text; parsed once, for there are over a hundred in the system's."""
    return Roots(pem)


def _parsed(pem: bytes) -> list[x509.Certificate]:
    """All that can be read: systems carry old CAs that break the rules, and one spoils no other."""
    found = []
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for block in _BLOCK.findall(pem):
            with suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(block))
    if not found:
        raise ValueError("there is no certificate in it")
    return found


def system_roots() -> bytes:
    """The CAs that this machine trusts, as PEM: SSL_CERT_FILE, Debian's, or certifi's."""
    named = ssl.get_default_verify_paths().cafile
    places = [Path(named)] if named else []
    for place in (*places, _DEBIAN):
        if place.is_file():
            return place.read_bytes()
    return Path(certifi.where()).read_bytes()


def _subject(name: str) -> x509.DNSName | x509.IPAddress:
    """Any name that the certificate has: whether it is the right one is judged elsewhere."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.replace("*", "any", 1))
