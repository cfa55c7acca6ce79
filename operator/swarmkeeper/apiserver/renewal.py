"""Shows renewed certificates without a restart: connections that are open stay, new ones get the new one."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

from swarmkeeper.apiserver.certificates import (
    LOOPBACK,
    CertificateError,
    ServerCertificate,
    listening_context,
)

_REFRESH: Final = 1.0  # seconds until a renewed certificate is shown
_log = logging.getLogger(__name__)


class _Pair:
    """One certificate as it was last read whole."""

    def __init__(self, files: ServerCertificate) -> None:
        self._files = files
        self._stamp = files.stamp()
        self.context = listening_context(files)

    def refresh(self) -> None:
        """Reads the files again where they changed; what is broken or half written is left alone."""
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = listening_context(self._files)
        except CertificateError as error:
            _log.warning("certificate not renewed", extra={"why": str(error)})
        else:
            _log.info("certificate renewed", extra={"file": str(self._files.certificate)})


class Renewal:
    """The certificates of a server, always as they are in their files.

    Args:
        own: the server's own.
        named: shown to clients that ask for another name than localhost; those that connect to an
            address name none.

    Raises:
        CertificateError: files are no certificate and its key.
    """

    def __init__(self, own: ServerCertificate, named: ServerCertificate | None = None) -> None:
        self._own = _Pair(own)
        self._named = _Pair(named) if named is not None else None
        self.context = listening_context(own)  # what a server listens with, for good
        self.context.sni_callback = self._choose

    async def keep_fresh(self) -> None:
        """Reads the certificates again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(_REFRESH)
            for pair in (self._own, self._named):
                if pair is not None:
                    pair.refresh()

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        named = self._named if name and name not in LOOPBACK else None
        connection.context = (named or self._own).context
