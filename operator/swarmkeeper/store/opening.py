"""Opens the store where the settings say it is, and keeps processes out of each other's data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from swarmkeeper.store.database import Database
from swarmkeeper.store.lease import FileHold, Hold
from swarmkeeper.store.sql import DatabaseError, SqlDatabase


@dataclass(frozen=True, slots=True)
class Place:
    """Where the store is.

    Attributes:
        data_dir: the operator's data folder; `state.db` in it is the store by default.
        url: of a Postgres database instead, without a password.
        password_file: with the password for it.
    """

    data_dir: Path
    url: str = ""
    password_file: Path | None = None

    @property
    def file(self) -> Path:
        """The SQLite file, where that is the store."""
        return self.data_dir / "state.db"

    def open(self) -> SqlDatabase:
        """Opens the database, and makes the SQLite file where there is none.

        Raises:
            DatabaseError: it can't be opened.
        """
        if not self.url:
            return Database(self.file)
        from swarmkeeper.store.postgres import PostgresDatabase  # noqa: PLC0415 - SQLite needs none of it
        from swarmkeeper.store.postgres_link import Address  # noqa: PLC0415

        return PostgresDatabase(Address(self.url, self.password_file))

    def hold(self) -> Hold:
        """The lock that goes with the lease on this store."""
        if not self.url:
            return FileHold(self.data_dir / "lease")
        from swarmkeeper.store.postgres_hold import PostgresHold  # noqa: PLC0415
        from swarmkeeper.store.postgres_link import Address  # noqa: PLC0415

        return PostgresHold(Address(self.url, self.password_file))


def lock_folder(data_dir: Path, *, shared: bool = False) -> IO[str]:
    """Holds the data folder for this process.

    Args:
        data_dir: the folder; made where there is none.
        shared: with others that share it as well: operators on one store in SQLite, of which the lease
            lets one act.

    Raises:
        DatabaseError: the folder can't be used, or another process holds it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (data_dir / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise DatabaseError(f"data folder {data_dir} can't be used: {error}") from error
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DatabaseError(
            f"another operator runs on {data_dir}: stop it, or use another --data-dir"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Lets one process at a time make the files of a data folder that are not there yet."""
    with (data_dir / "setup.lock").open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
