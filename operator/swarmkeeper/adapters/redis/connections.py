"""Clients for Redis servers: made once for each server, with the secrets as they are now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.credentials import CredentialProvider
from redis.retry import Retry
from redis.sentinel import Sentinel

from swarmkeeper.adapters.redis.errors import told
from swarmkeeper.adapters.secret_folder import SecretFolder, SecretMissing
from swarmkeeper.runtime.streams import StreamError, StreamServer

_SENTINEL_PORT: Final = 26379
Client = Any
"""redis.Redis or redis.RedisCluster: they share the commands that we use."""


class Connections:
    """One client for each server. Thread-safe.

    Args:
        secrets: where passwords and certificates lie.
    """

    def __init__(self, secrets: SecretFolder) -> None:
        self._secrets = secrets
        self._clients: dict[StreamServer, Client] = {}
        self._guard = threading.Lock()

    @contextmanager
    def client(self, server: StreamServer) -> Iterator[Client]:
        """A client for a server; what it raises in the block becomes a StreamError.

        Raises:
            StreamError: the server can't be reached, or refused.
        """
        try:
            yield self._get(server)
        except SecretMissing as error:
            raise StreamError("SecretMissing", str(error)) from None
        except (redis.RedisError, OSError) as error:
            raise told(server, error) from None
        except ValueError as error:
            raise StreamError("InvalidURL", f"{server.url}: {error}") from None

    def close(self) -> None:
        """Closes all connections."""
        with self._guard:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _get(self, server: StreamServer) -> Client:
        with self._guard:
            found = self._clients.get(server)
        if found is None:
            found = self._make(server)
            with self._guard:
                found = self._clients.setdefault(server, found)
        return found

    def _make(self, server: StreamServer) -> Client:
        url = urlsplit(server.url)
        options = self._options(server)
        scheme = url.scheme.removesuffix("+sentinel").removesuffix("+cluster")
        if url.scheme.endswith("+sentinel"):
            return _behind_sentinel(url, scheme == "rediss", options)
        if url.scheme.endswith("+cluster"):
            tls = {"ssl": True, **options} if scheme == "rediss" else options
            return RedisCluster(host=url.hostname or "", port=url.port or 6379, **tls)
        return redis.Redis.from_url(server.url, **options)

    def _options(self, server: StreamServer) -> dict[str, Any]:
        options: dict[str, Any] = {
            "socket_timeout": server.timeout,
            "socket_connect_timeout": server.timeout,
            "retry": Retry(NoBackoff(), 0),  # the pass tries again, and says so
        }
        if server.password is not None or server.username:
            options["credential_provider"] = _Credentials(server, self._secrets)
        if server.url.startswith("rediss"):
            options |= self._tls(server)
        return options

    def _tls(self, server: StreamServer) -> dict[str, Any]:
        named = {
            "ssl_ca_certs": server.ca,
            "ssl_certfile": server.certificate,
            "ssl_keyfile": server.key,
        }
        return {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            **{option: str(self._secrets.path(ref)) for option, ref in named.items() if ref},
        }


class _Credentials(CredentialProvider):
    """Reads the password at each connection: a renewed one needs no restart."""

    def __init__(self, server: StreamServer, secrets: SecretFolder) -> None:
        self._server = server
        self._secrets = secrets

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """(user, password), or the password alone for the default user."""
        ref = self._server.password
        password = self._secrets.read(ref) if ref else ""
        return (self._server.username, password) if self._server.username else (password,)


def _behind_sentinel(url: SplitResult, tls: bool, options: dict[str, Any]) -> Client:
    """The primary of a service, as Sentinels know it: `host:port,host:port/service/database`."""
    service, _, database = unquote(url.path).strip("/").partition("/")
    if not service:
        raise ValueError("name the service: redis+sentinel://host:26379/service")
    hosts = [_address(host) for host in url.netloc.rpartition("@")[2].split(",")]
    timeouts = {name: value for name, value in options.items() if name.startswith("socket_")}
    sentinel = Sentinel(hosts, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]
    database = database or parse_qs(url.query).get("db", ["0"])[0]
    extra = {"ssl": True, **options} if tls else options
    return sentinel.master_for(service, db=int(database), **extra)  # type: ignore[no-untyped-call]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if host else (text, _SENTINEL_PORT)
