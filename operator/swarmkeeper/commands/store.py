"""`swarmkeeper store`: backs up, restores, compacts and checks what the operator keeps."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.place import (
    DEFAULT_DIR,
    DataDir,
    Store,
    StorePasswordFile,
    closed_after,
    opened,
    told,
)
from swarmkeeper.commands.tree import count
from swarmkeeper.store import checks, dump
from swarmkeeper.store.database import Database
from swarmkeeper.store.opening import Place, lock_folder
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.sql_objects import SqlObjectStore

_SQLITE = b"SQLite format 3\0"

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")


@app.callback()
def store() -> None:
    """Backs up, restores, compacts and checks what the operator keeps.

    Exit codes: 0 success, 1 something is wrong with the store, or error.
    """


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
) -> int:
    """Writes a whole copy, also while the operator runs.

    A SQLite store becomes a SQLite file, a Postgres store becomes lines of JSON.
    """
    if file.exists():
        raise CommandError(f"{file} exists: name a new file")
    with opened(Place(data_dir, store, store_password_file)) as database, _new(file) as partial:
        if isinstance(database, Database):
            database.copy_to(partial)
        else:
            _dump(database, partial)
    typer.echo(f"wrote {file}: {file.stat().st_size:,} bytes")
    return 0


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `store backup` wrote.")],
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
) -> int:
    """Fills an empty store, of either kind, from a backup of either kind."""
    place = Place(data_dir, store, store_password_file)
    if not file.is_file():
        raise CommandError(f"{file} does not exist")
    with told(), _alone(place), closed_after(place) as database, _content(file) as found:
        rows = dump.load(found, database)
        wrong = list(checks.problems(database))
    typer.echo(f"restored {count(rows, 'row')}")
    return _report(wrong)


@app.command()
def compact(
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    keep: Annotated[int, typer.Option(min=0, help="How many changes to keep.")] = 1000,
) -> int:
    """Forgets old versions of objects and gives their room back. The audit trail stays whole.

    The operator does the first by itself. A store in SQLite can't be in use meanwhile.
    """
    place = Place(data_dir, store, store_password_file)
    with opened(place) as database, _alone(place):
        objects = SqlObjectStore(database)
        removed = objects.compact(objects.revision - keep)
        database.vacuum()
    typer.echo(f"removed {count(removed, 'old version')}")
    return 0


@app.command()
def verify(
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
) -> int:
    """Checks the files, the chain of the audit trail, and that the history leads to the objects."""
    with opened(Place(data_dir, store, store_password_file)) as database:
        dump.prepare(database)
        wrong = list(checks.problems(database))
    if not wrong:
        typer.echo("the store is whole")
    return _report(wrong)


def _report(wrong: list[str]) -> int:
    for sentence in wrong:
        typer.echo(sentence, err=True)
    return 1 if wrong else 0


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Nobody else uses a store in SQLite; Postgres sees to that by itself."""
    with nullcontext() if place.url else lock_folder(place.data_dir):
        yield


@contextmanager
def _new(file: Path) -> Iterator[Path]:
    """A file that is there once it is whole and on disk."""
    partial = file.with_name(file.name + ".partial")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.rename(file)
    except OSError as error:
        raise CommandError(f"can't write {file}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _dump(database: SqlDatabase, file: Path) -> None:
    dump.prepare(database)
    with database.snapshot(long=True) as cursor, open(file, "wb", opener=_private) as lines:
        dump.write(dump.content(cursor), lines)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _content(file: Path) -> Iterator[dump.Content]:
    with file.open("rb") as lines:
        if lines.read(len(_SQLITE)) != _SQLITE:
            lines.seek(0)
            yield dump.read(lines)
            return
    with tempfile.TemporaryDirectory(prefix="swarmkeeper-") as folder:
        copy = Path(folder) / "state.db"  # it may have to be brought up to date first
        shutil.copyfile(file, copy)
        with closed_after(Place(copy.parent)) as database:
            dump.prepare(database)
            with database.snapshot(long=True) as cursor:
                yield dump.content(cursor)
