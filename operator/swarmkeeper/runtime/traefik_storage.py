"""What may be asked of the file in which Traefik keeps its certificates (`acme.json`): the port.

Traefik reads it at its start only, and writes all of it again from memory whenever something changes: so it
may be changed only while no Traefik runs. It holds private keys; none is ever told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from swarmkeeper.runtime.certificates import CertificateError, Facts


@dataclass(frozen=True, slots=True)
class Storage:
    """Certificates of one resolver.

    Attributes:
        path: of the file, below the folder that the operator shares with Traefik.
        resolver: its name in Traefik's configuration.
    """

    path: str
    resolver: str


class TraefikStorage(Protocol):
    """Traefik's file. Thread-safe.

    Raises (every method): CertificateError: StorageUnreadable, NotWritten; nothing was changed.
    """

    def certificates(self, where: Storage) -> tuple[Facts, ...]:
        """What the resolver has; trust is not judged."""
        ...

    def back_up(self, where: Storage, serial: str, key: str) -> None:
        """Copies the file, if the certificate is in it; the last few copies are kept.

        Args:
            where: the file.
            serial: of the certificate.
            key: of the copy: the same one is written again.
        """
        ...

    def take_out(self, where: Storage, serial: str, key: str) -> None:
        """Copies the file and takes the certificate out of it; fine where it is not in it any more.

        Args:
            where: the file.
            serial: of the certificate.
            key: of the copy.
        """
        ...

    def put_back(self, where: Storage, serial: str, key: str) -> None:
        """Puts the certificate back from the copy, in the place of another one for the same names.

        Where the file can't be read any more, all of the copy is put back.

        Args:
            where: the file.
            serial: of the certificate.
            key: of the copy.
        """
        ...


class _NoStorage:
    """Where there is no such folder."""

    def certificates(self, where: Storage) -> tuple[Facts, ...]:
        raise _NONE

    def back_up(self, where: Storage, serial: str, key: str) -> None:
        raise _NONE

    def take_out(self, where: Storage, serial: str, key: str) -> None:
        raise _NONE

    def put_back(self, where: Storage, serial: str, key: str) -> None:
        raise _NONE


_NONE: Final = CertificateError("StorageUnreadable", "there is no folder of Traefik's here")
NO_STORAGE: Final[TraefikStorage] = _NoStorage()
"""Has no certificate."""
