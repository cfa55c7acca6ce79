"""What redis-py raises, as a reason and a sentence."""

from __future__ import annotations

import ssl
from typing import Final

import redis
from redis.exceptions import (
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)
from redis.sentinel import MasterNotFoundError

from swarmkeeper.runtime.streams import StreamError, StreamServer

_BY_PREFIX: Final = {
    "WRONGPASS": ("AuthenticationFailed", "refused the user name or password"),
    "NOAUTH": ("AuthenticationFailed", "asks for a password: name server.passwordSecretRef"),
    "NOPERM": ("PermissionDenied", "does not let this user do it"),
    "READONLY": ("ReadOnlyReplica", "is a replica and takes no writes"),
    "LOADING": ("ServerLoading", "is reading its data from disk"),
    "MASTERDOWN": ("ServerUnreachable", "has lost its primary"),
    "WRONGTYPE": ("WrongType", "holds something else than a stream under this key"),
    "OOM": ("OutOfMemory", "is out of memory and takes no writes"),
    "MISCONF": ("WritesRefused", "takes no writes because it can't save to disk"),
    "NOREPLICAS": ("WritesRefused", "takes no writes because too few replicas are connected"),
    "CLUSTERDOWN": ("ServerUnreachable", "says that the cluster is down"),
    "BUSY": ("ServerBusy", "is busy with a script"),
}


_BY_CLASS: Final = (
    (MasterNotFoundError, ("ServerUnreachable", "has no primary that a Sentinel knows")),
    (redis.AuthenticationError, ("AuthenticationFailed", "refused the user name or password")),
    (NoPermissionError, ("PermissionDenied", "does not let this user do it")),
    (ReadOnlyError, ("ReadOnlyReplica", "is a replica and takes no writes")),
    (BusyLoadingError, ("ServerLoading", "is reading its data from disk")),
    (OutOfMemoryError, ("OutOfMemory", "is out of memory and takes no writes")),
    (redis.ResponseError, ("ServerRefused", "refused")),
)


def told(server: StreamServer, error: Exception) -> StreamError:
    """The error of a server, with a reason of its own for each thing that people do about it."""
    where, text = shown(server.url), _line(error)
    chain = (error, error.__cause__, error.__context__)
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return StreamError("CertificateRefused", f"{where}: {one.verify_message}")
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return StreamError("TLSFailed", f"{where}: no TLS with this server: {text}")
    for prefix, (reason, message) in _BY_PREFIX.items():
        if text.startswith(prefix):
            return StreamError(reason, f"{where} {message}: {text}")
    for kind, (reason, message) in _BY_CLASS:
        if isinstance(error, kind):
            return StreamError(reason, f"{where} {message}: {text}")
    return StreamError("ServerUnreachable", f"{where} can't be reached: {text}")


def shown(url: str) -> str:
    """A URL as it may be shown: a spec refuses passwords in it, so all of it but the query."""
    return url.partition("?")[0]


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
