"""Certificates as files for Traefik's file provider, in a folder that it watches (`directory`).

`NAME.yml` names a certificate and its key, whose files carry the fingerprint: renaming the new YAML into
place changes both at once, and wakes Traefik, which does not look at the files that a YAML names. The pair
before the present one is kept.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

import yaml

from swarmkeeper.runtime.certificates import CertificateError, Publication

FOLDER: Final = "certificates"
"""In the data folder."""
_DIGITS: Final = 16
_MARK: Final = "# Written by swarmkeeper: it will be overwritten.\n"


@dataclass(frozen=True, slots=True)
class Published:
    """What lies in the folder.

    Attributes:
        certificate: PEM.
        key: PEM.
        written: when.
    """

    certificate: bytes
    key: bytes
    written: datetime


class CertificateFolder:
    """One folder.

    Args:
        path: of it; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, where: Publication) -> Published | None:
        """What is published, or None.

        Raises:
            CertificateError: MissingData: what the YAML names can't be read.
        """
        place = self._path / f"{where.name}.yml"
        try:
            text = place.read_text(encoding="utf-8")
            written = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CertificateError("MissingData", f"{place}: {type(error).__name__}") from None
        try:
            certificate, key = (self._path / name for name in _named(text))
            return Published(certificate.read_bytes(), key.read_bytes(), written)
        except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            message = f"what {place} names can't be read: {type(error).__name__}"
            raise CertificateError("MissingData", message) from None

    def write(self, where: Publication, fingerprint: str, certificate: bytes, key: bytes) -> None:
        """Publishes a pair, all of it or nothing.

        Raises:
            CertificateError: it can't be written.
        """
        stem = f"{where.name}.{fingerprint[:_DIGITS]}"
        mount = PurePosixPath(where.mount or str(self._path))
        named = {"certFile": f"{mount / stem}.crt", "keyFile": f"{mount / stem}.key"}
        text = _MARK + yaml.safe_dump({"tls": {"certificates": [named]}}, sort_keys=True)
        try:
            self._path.mkdir(mode=0o750, parents=True, exist_ok=True)
            before = self._present(where)
            self._put(f"{stem}.key", key)
            self._put(f"{stem}.crt", certificate)
            self._put(f"{where.name}.yml", text.encode())
            self._tidy(where, keep={stem, before})
        except OSError as error:
            message = f"{self._path}: {error.strerror or type(error).__name__}"
            raise CertificateError("NotWritten", message) from None

    def _present(self, where: Publication) -> str:
        """What the files are called, without ending, that the YAML names now."""
        with suppress(OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
            text = (self._path / f"{where.name}.yml").read_text(encoding="utf-8")
            return _named(text)[0].removesuffix(".crt")
        return ""

    def _put(self, name: str, content: bytes) -> None:
        place, fresh = self._path / name, self._path / f".{name}.new"
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with a mode
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)

    def _tidy(self, where: Publication, keep: set[str]) -> None:
        for path in self._path.glob(f"{where.name}.*"):
            if path.suffix in {".crt", ".key"} and path.stem not in keep:
                path.unlink(missing_ok=True)


def _named(text: str) -> tuple[str, str]:
    """The names of both files in a YAML, without their folder."""
    found = yaml.safe_load(text)["tls"]["certificates"][0]
    return PurePosixPath(found["certFile"]).name, PurePosixPath(found["keyFile"]).name
