"""A Postgres that exists for one restore drill: a server of our own, or a database on a server."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from swarmkeeper.adapters.postgres import children
from swarmkeeper.adapters.postgres.children import Command, Leash
from swarmkeeper.adapters.postgres.connection import Access, told
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.adapters.postgres.programs import HOMES, Programs
from swarmkeeper.runtime.backup_tasks import DatabaseServer
from swarmkeeper.runtime.backups import BackupError

_TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108 - a folder of its own is made there
_PREFIX: Final = "swarmkeeper-drill"
_USERS: Final = ("postgres", "nobody")
_POLL: Final = 0.05
_DATABASE: Final = "drill"
# Nothing of it must outlast anything: it need not be safe, only fast and small.
_OPTIONS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "wal_recycle": "off",
    "wal_init_zero": "off",
    "checkpoint_timeout": "1h",
    "max_wal_senders": "0",
    "max_connections": "30",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "4GB",
    "logging_collector": "off",
}


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where the throw-away server may lie.

    Attributes:
        folder: with enough room.
        tag: of the backups' folder: what was left behind under it is removed.
    """

    folder: Path
    tag: str

    @classmethod
    def of(cls, folder: str, backups: str) -> Scratch:
        """The place for the drills of a folder of backups."""
        tag = hashlib.sha256(backups.encode()).hexdigest()[:8]
        return cls(Path(folder) if folder else _temporary(), tag)


@contextmanager
def server(manifest: Manifest, scratch: Scratch, lock: int, leash: Leash) -> Iterator[Access]:
    """A server of the backup's major version on a socket, with an empty database.

    Args:
        manifest: of the backup.
        scratch: where it may lie.
        lock: file descriptor that it inherits.
        leash: what ends it early.

    Raises:
        BackupError: there can't be one.
    """
    programs = _programs(manifest)
    _sweep(scratch)
    _require_room(scratch.folder, manifest.database_size)
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{scratch.tag}-", dir=scratch.folder))
    process: subprocess.Popen[bytes] | None = None
    try:
        user = _user(home)
        _initdb(programs, home, user, leash)
        process = _start(programs, home, user, lock)
        access = _access(home, "postgres")
        _wait(access, process, home, leash)
        _prepare(access, manifest)
        yield _access(home, _DATABASE)
    finally:
        if process is not None:
            _stop(process)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def database(access: Access, manifest: Manifest, name: str) -> Iterator[Access]:
    """An empty database on a server, under a name that only drills have.

    Raises:
        BackupError: there can't be one.
    """
    identifier = sql.Identifier(name)
    with access.connect() as connection:
        try:
            _drop(connection, identifier)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
                    identifier, sql.Literal(manifest.encoding)
                )
            )
        except psycopg.Error as error:
            raise told(access.server, str(error), "DrillFailed") from None
        try:
            place = replace(access.server, database=name)
            yield replace(access, server=place, parameters={**access.parameters, "dbname": name})
        finally:
            with suppress(psycopg.Error):
                _drop(connection, identifier)


def _temporary() -> Path:
    """A folder for temporary files that the server's user may enter: root's own may be closed to it."""
    own, *others = (Path(name) for name in (tempfile.gettempdir(), *_TEMPORARY))
    return next((folder for folder in (own, *others) if _is_open(folder)), own)


def _is_open(folder: Path) -> bool:
    if os.geteuid() != 0:
        return True
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: sql.Identifier) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _programs(manifest: Manifest) -> Programs:
    major = int(manifest.server_version.partition(".")[0])
    programs = Programs(major, HOMES / str(major) / "bin")
    if not (programs.folder / "postgres").is_file():
        text = f"there is no server of Postgres {major} here: install it, or declare restoreDrill.server"
        raise BackupError("ProgramMissing", text)
    return programs


def _sweep(scratch: Scratch) -> None:
    """Removes what a drill that was killed has left: nobody works there while we hold the lock."""
    for left in scratch.folder.glob(f"{_PREFIX}-{scratch.tag}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _require_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise BackupError("DiskFull", f"{folder} has {free} bytes left, the database took {size}")


def _user(home: Path) -> tuple[str, ...]:
    """Words that let a program run as somebody else where we are root: Postgres refuses root."""
    if os.geteuid() != 0:
        return ()
    for name in _USERS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            os.chown(home, found.pw_uid, found.pw_gid)
            ids = ("--reuid", str(found.pw_uid), "--regid", str(found.pw_gid))
            return ("setpriv", *ids, "--clear-groups", "--pdeathsig", "KILL", "--")
    raise BackupError("ProgramMissing", f"there is no user of {_USERS} to run Postgres as")


def _initdb(programs: Programs, home: Path, user: tuple[str, ...], leash: Leash) -> None:
    words = [programs.path("initdb"), "--pgdata", str(home / "data"), "--auth=trust", "--no-sync"]
    words += ["--locale=C", "--encoding=UTF8", "--username=postgres", "--no-instructions"]
    command = Command([*user, *words])
    (ended,) = children.run([command], leash, stdout=subprocess.DEVNULL)
    if ended.code:
        raise BackupError("DrillFailed", f"initdb: {children.last_line(ended.said)}")


def _start(
    programs: Programs, home: Path, user: tuple[str, ...], lock: int
) -> subprocess.Popen[bytes]:
    options = {**_OPTIONS, "unix_socket_directories": str(home)}
    words = [programs.path("postgres"), "-D", str(home / "data")]
    words += [f"--{name}={value}" for name, value in options.items()]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [*(user or children.tied()), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            pass_fds=(lock,),
            start_new_session=True,
        )


def _access(home: Path, name: str) -> Access:
    place = DatabaseServer(str(home), 5432, name, "postgres")
    parameters = {"host": str(home), "port": 5432, "dbname": name, "user": "postgres"}
    return Access(place, parameters, "")


def _wait(access: Access, process: subprocess.Popen[bytes], home: Path, leash: Leash) -> None:
    while True:
        with suppress(BackupError), access.connect():
            return
        leash.check()
        if process.poll() is not None:
            said = (home / "log").read_text("utf-8", "replace")
            raise BackupError("DrillFailed", f"postgres: {children.last_line(said.strip())}")
        time.sleep(_POLL)


def _prepare(access: Access, manifest: Manifest) -> None:
    """The roles that own something, and the database."""
    with access.connect() as connection:
        for role in manifest.roles:
            if role != "postgres":
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
                sql.Identifier(_DATABASE), sql.Literal(manifest.encoding)
            )
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return
