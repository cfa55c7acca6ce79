"""The options that say which store a command works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.operate import variable
from swarmkeeper.settings import Settings
from swarmkeeper.store.objects import StoreError
from swarmkeeper.store.opening import Place
from swarmkeeper.store.sql import SqlDatabase

DataDir = Annotated[
    Path, typer.Option(envvar=variable("data_dir"), help="The operator's data folder.")
]
Store = Annotated[
    str,
    typer.Option(
        envvar=variable("store"), help="postgresql://… instead of the file in the data folder."
    ),
]
StorePasswordFile = Annotated[
    Path | None,
    typer.Option(envvar=variable("store_password_file"), help="File with Postgres' password."),
]
DEFAULT_DIR: Final[Path] = Settings.model_fields["data_dir"].default


@contextmanager
def opened(place: Place) -> Iterator[SqlDatabase]:
    """An existing store, closed at the end of the block.

    Raises:
        CommandError: there is none, or it refused.
    """
    if not place.url and not place.file.is_file():
        raise CommandError(f"{place.file} does not exist: give the operator's --data-dir")
    with told(), closed_after(place) as database:
        yield database


@contextmanager
def closed_after(place: Place) -> Iterator[SqlDatabase]:
    """A store, made where there is none, and closed at the end of the block."""
    database = place.open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def told() -> Iterator[None]:
    """What the store refuses, as a sentence for people."""
    try:
        yield
    except StoreError as error:
        raise CommandError(str(error)) from error
