"""Where an engine listens, and urllib3's pools of connections to it.

docker's own pool serves unix sockets. The layer of `requests` that docker puts above it is left out, for
it costs several times what the pool does: docs/decisions/0007-docker-transport.md.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

import urllib3
from docker.errors import DockerException, TLSParameterError
from docker.tls import TLSConfig
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from docker.utils import kwargs_from_env, parse_host
from urllib3.connection import HTTPConnection

KEPT: Final = 128
"""Connections that a pool keeps open at most; beyond it they are closed after use, with a warning."""

_UNIX: Final = "http+unix://"
_KEEPALIVE: Final = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine listens.

    Attributes:
        host: as given, for messages.
        url: `http+unix:///path`, `http://host:port` or `https://host:port`.
        tls: what urllib3 is told about certificates.
    """

    host: str
    url: str
    tls: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, docker_host: str) -> Endpoint:
        """Reads what DOCKER_HOST holds; for TCP also DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.

        Raises:
            ValueError: it is no such address, or the certificates are not there.
        """
        try:
            tls = None if docker_host.startswith("unix:") else kwargs_from_env().get("tls")
            url = cast("str", parse_host(_complete(docker_host, tls), tls=tls is not None))
        except TLSParameterError as error:
            raise ValueError(f"TLS to {docker_host}: {error}") from error
        except (DockerException, ValueError) as error:
            raise _no_docker_host(docker_host) from error
        if not url.startswith((_UNIX, "http://", "https://")):
            raise _no_docker_host(docker_host)
        return cls(docker_host, url, _told(tls) if tls and url.startswith("https://") else {})

    def pool(self, timeout: float, size: int = KEPT) -> urllib3.HTTPConnectionPool:
        """A pool of connections, without any yet.

        Args:
            timeout: seconds for connecting, and for every wait of a request afterwards.
            size: connections that are kept open.
        """
        waits = urllib3.Timeout(connect=timeout, read=timeout)
        if self.url.startswith(_UNIX):
            pool = _UnixPool(self.host, self.url.removeprefix(_UNIX), maxsize=size)
            pool.timeout = waits
            return pool
        options = [*HTTPConnection.default_socket_options, _KEEPALIVE]
        return urllib3.connection_from_url(
            self.url, timeout=waits, maxsize=size, block=False, socket_options=options, **self.tls
        )

    def connection(self, timeout: float) -> HTTPConnection:
        """A connection that belongs to no pool, not yet connected: for an answer without end.

        Args:
            timeout: seconds for connecting, and for every wait until the answer begins.
        """
        made = self.pool(timeout, size=1)._new_conn()  # noqa: SLF001 - docker's pools override it too
        made.timeout = timeout
        return cast("HTTPConnection", made)


class _UnixPool(UnixHTTPConnectionPool):
    def _new_conn(self) -> HTTPConnection:
        return _UnixConnection(self.base_url, self.socket_path)


class _UnixConnection(UnixHTTPConnection):
    def connect(self) -> None:
        """As docker's, but its socket is closed with it also where nobody listens."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_socket)


def _complete(docker_host: str, tls: TLSConfig | None) -> str:
    """With the port that Docker listens at by custom.

    Raises:
        ValueError: nothing is named: that must not mean the engine of this machine.
    """
    url = urlsplit(docker_host)
    if not (url.netloc or url.path):
        raise ValueError("empty")
    if url.scheme == "tcp" and url.hostname and url.port is None:
        return url._replace(netloc=f"{url.netloc}:{2376 if tls else 2375}").geturl()
    return docker_host


def _told(tls: TLSConfig) -> dict[str, Any]:
    certificate, key = tls.cert or (None, None)
    return {
        "cert_file": certificate,
        "key_file": key,
        "ca_certs": tls.ca_cert if tls.verify else None,
        "cert_reqs": "CERT_REQUIRED" if tls.verify else "CERT_NONE",
    }


def _no_docker_host(docker_host: str) -> ValueError:
    return ValueError(f"{docker_host!r} is no Docker host: write unix:///path or tcp://host:port")
