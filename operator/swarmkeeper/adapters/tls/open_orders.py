"""Orders that have not ended: key, place at the CA and what came of it, so that a kill loses none.

One file of JSON for each, mode 0600, for it holds a private key. It goes once the certificate is published,
or once the CA can't issue for it any more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from swarmkeeper.runtime.certificates import AcmeCa, CertificateError, Publication

FOLDER: Final = "orders"
"""In the folder of ACME."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """One order.

    Attributes:
        key: of the certificate, PEM.
        url: of the order; empty where it was not placed, or nobody saw the CA's answer.
        chain: PEM, the certificate first; empty until it is issued.
        replaces: what ARI calls the certificate that it is to replace; empty where the CA is not told.
    """

    key: str
    url: str = ""
    chain: str = ""
    replaces: str = ""


class OpenOrders:
    """A folder of orders.

    Args:
        path: of it; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> OpenOrder | None:
        """The order of a name, or None; one that can't be read is none: it can be placed anew."""
        try:
            return OpenOrder(**json.loads(self._file(name).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, name: str, order: OpenOrder) -> None:
        """Keeps an order; it is on disk when this returns.

        Raises:
            CertificateError: it can't be written.
        """
        place = self._file(name)
        fresh = place.with_suffix(".new")
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - with a mode
                json.dump(asdict(order), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(place)
        except OSError as error:
            message = f"{self._path}: {error.strerror or type(error).__name__}"
            raise CertificateError("NotWritten", message) from None

    def remove(self, name: str) -> None:
        """Forgets an order.

        Raises:
            CertificateError: it can't be removed.
        """
        try:
            self._file(name).unlink(missing_ok=True)
        except OSError as error:
            raise CertificateError("NotWritten", f"{self._path}: {error.strerror}") from None

    def _file(self, name: str) -> Path:
        return self._path / f"{name}.json"


def name_of(where: Publication, ca: AcmeCa, names: Sequence[str]) -> str:
    """What the order of an object is called: other names or another CA are another order."""
    asked = json.dumps([where.name, ca.server, ca.email, sorted(names)])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]
