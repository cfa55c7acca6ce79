"""The API's own certificate: kubectl sends a token over TLS only, even to the loopback.

It is self-signed, and clients are told to trust exactly this one (kubeconfig's
certificate-authority-data, kopf's ca_path). `openssl` makes it, once; the key has mode 0600.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_DAYS: Final = 3650
_RENEW_BEFORE: Final = 30 * 86400  # seconds
_TIMEOUT: Final = 30.0  # seconds for one run of openssl
_CONFIG: Final = """\
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = swarmkeeper
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


class CertificateError(Exception):
    """The certificate can't be made or read; the message never holds the key."""


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate and its key, as PEM files.

    Attributes:
        certificate: what the server shows, and what clients trust.
        key: its private key.
    """

    certificate: Path
    key: Path

    @classmethod
    def in_folder(cls, folder: Path, hosts: Sequence[str] = LOOPBACK) -> ServerCertificate:
        """Reads `api.crt` and `api.key`; makes new ones where there are none that fit.

        Args:
            folder: where; it must exist.
            hosts: names and addresses under which clients reach the server.

        Raises:
            CertificateError: openssl is missing or failed.
        """
        files = cls(folder / "api.crt", folder / "api.key")
        wanted = [_subject(host) for host in hosts]
        if not files._fits(wanted):
            files._make(wanted)
        return files

    def stamp(self) -> object:
        """Equal as long as no file has changed."""
        return [_stamp(path) for path in (self.certificate, self.key)]

    def _fits(self, subjects: Sequence[str]) -> bool:
        """Whether the files are there, not about to expire, and for these hosts."""
        if not (self.certificate.exists() and self.key.exists()):
            return False
        check = ["-noout", "-checkend", str(_RENEW_BEFORE), "-ext", "subjectAltName"]
        done = _openssl("x509", "-in", str(self.certificate), *check)
        shown = done.stdout.replace("IP Address:", "IP:")
        return done.returncode == 0 and all(subject in shown for subject in subjects)

    def _make(self, subjects: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory(dir=self.key.parent) as name:  # made with mode 0700
            folder = Path(name)
            config, key, certificate = (folder / part for part in ("config", "key", "certificate"))
            config.write_text(_CONFIG.format(names=", ".join(subjects)), encoding="utf-8")
            os.close(os.open(key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            where = ["-config", str(config), "-keyout", str(key), "-out", str(certificate)]
            done = _openssl("req", "-x509", "-sha256", "-days", str(_DAYS), *new, *where)
            if done.returncode != 0:
                raise CertificateError(f"openssl made no certificate: {done.stderr[-500:]}")
            key.chmod(0o600)
            key.replace(self.key)
            certificate.replace(self.certificate)


def listening_context(files: ServerCertificate) -> ssl.SSLContext:
    """What a server shows a certificate with.

    Raises:
        CertificateError: the files are no certificate and its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"can't use {files.certificate}: {type(error).__name__}") from None
    return context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def _subject(host: str) -> str:
    """How a certificate names a host."""
    try:
        return f"IP:{_shown(ipaddress.ip_address(host))}"
    except ValueError:
        return f"DNS:{host}"


def _shown(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As openssl prints addresses, so that they are found again."""
    if address.version == 4:
        return str(address)
    return ":".join(f"{int(part, 16):X}" for part in address.exploded.split(":"))


def _openssl(*args: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["openssl", *args],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CertificateError(f"openssl can't be run: {type(error).__name__}") from error
