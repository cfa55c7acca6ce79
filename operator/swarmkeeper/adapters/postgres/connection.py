"""Ways to a server: for ourselves, and for the client programs. The password is on no command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import conninfo

from swarmkeeper.adapters.secret_folder import SecretFolder, SecretMissing
from swarmkeeper.runtime.backup_tasks import DatabaseServer
from swarmkeeper.runtime.backups import BackupError

NAME: Final = "swarmkeeper"
"""What our sessions are called on the server."""
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}
_SIGNS: Final = {
    "AuthenticationFailed": (
        r"authentication failed|no password supplied|pg_hba\.conf"
        r"|role .* does not exist|role .* is not permitted"
    ),
    "DatabaseMissing": r"database .* does not exist",
    "TooManyConnections": r"too many (clients|connections)|remaining connection slots",
    "ServerStarting": r"starting up|shutting down|not yet accepting|in recovery mode",
    "CertificateRefused": r"certificate verify failed|server certificate for|root certificate",
    "TLSFailed": r"does not support SSL|SSL error|no encryption",
    "DiskFull": r"No space left on device|Disk quota exceeded|could not extend file",
    "VersionTooNew": r"server version mismatch",
    "PermissionDenied": r"permission denied|must be owner|row-level security",
    "LockTimeout": r"lock timeout|could not obtain lock",
    "ServerUnreachable": (
        r"could not connect|connection to server|terminating connection|closed the connection"
        r"|closed unexpectedly|connection (refused|reset|timed out|is lost)|could not receive data"
        r"|no connection to the server|could not translate host name|connection timeout expired"
        r"|name resolution|consuming input failed|resolve host"
    ),
}
"""By reason: what Postgres says, in the order in which it is looked for."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a database now, with its secrets.

    Attributes:
        server: which one.
        parameters: of libpq, without the password.
        password: empty where there is none.
    """

    server: DatabaseServer
    parameters: Mapping[str, Any]
    password: str

    @property
    def dsn(self) -> str:
        """For a command line: holds no secret."""
        return conninfo.make_conninfo("", **self.parameters)

    @property
    def env(self) -> dict[str, str]:
        """Environment of a client program."""
        return {"PGPASSWORD": self.password} if self.password else {}

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection that commits each statement by itself.

        Raises:
            BackupError: there is none.
        """
        secret = {"password": self.password} if self.password else {}
        given = {**self.parameters, **secret, **options}
        try:
            return psycopg.connect(autocommit=True, **given)
        except (psycopg.Error, OSError) as error:
            raise told(self.server, str(error)) from None


def access(server: DatabaseServer, secrets: SecretFolder) -> Access:
    """Reads the secrets of a server.

    Raises:
        BackupError: one is missing.
    """
    parameters: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "dbname": server.database,
        "user": server.username,
        "sslmode": server.sslmode,
        "connect_timeout": max(2, round(server.timeout)),
        "application_name": NAME,
        **_KEEPALIVE,
    }
    try:
        if server.ca is not None:
            parameters["sslrootcert"] = str(secrets.path(server.ca))
        password = secrets.read(server.password) if server.password else ""
    except SecretMissing as error:
        raise BackupError("SecretMissing", str(error)) from None
    return Access(server, parameters, password)


def told(server: DatabaseServer, text: str, otherwise: str = "ServerUnreachable") -> BackupError:
    """What Postgres, or one of its programs, has said: with a reason for each thing to do about it.

    Args:
        server: that it is about.
        text: what was said.
        otherwise: the reason, where none is known.
    """
    return BackupError(
        reason_of(text, otherwise),
        f"{server.database} at {server.host}:{server.port}: {line(text)}",
    )


def reason_of(text: str, otherwise: str) -> str:
    """The reason that a text stands for."""
    return next((reason for reason, sign in _SIGNS.items() if re.search(sign, text)), otherwise)


def line(text: str) -> str:
    """The line of a text that says most: the first error, without what it is about in detail."""
    lines = [one.strip() for one in text.splitlines() if one.strip()]
    errors = [one for one in lines if "error:" in one or "FATAL:" in one or "failed:" in one]
    return (errors or lines or ["no reason was given"])[0]
