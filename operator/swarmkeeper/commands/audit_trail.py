"""`swarmkeeper audit-trail`: reads the record of every action from the operator's store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import typer

from desired_state.fields import parse_duration
from swarmkeeper.commands import audit_report
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.commands.output import (
    Form,
    FormOption,
    Output,
    OutputOption,
    write_json,
    write_yaml,
)
from swarmkeeper.commands.place import DEFAULT_DIR, DataDir, Store, StorePasswordFile, opened
from swarmkeeper.store import audit_chain
from swarmkeeper.store.audit import AuditTrail, Entry
from swarmkeeper.store.audit_chain import Link
from swarmkeeper.store.audit_reads import AuditReader, Query, record
from swarmkeeper.store.opening import Place

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")

Object = Annotated[
    str | None, typer.Option("--object", help="Only of this object, e.g. SwarmService/web.")
]
Since = Annotated[
    str | None, typer.Option(help="Written then or later: 2026-01-31T12:00:00Z, or 2h for ago.")
]
Until = Annotated[str | None, typer.Option(help="Written before then.")]


@app.callback()
def audit_trail() -> None:
    """Reads and checks the record of every action.

    It may be read while the operator runs. Exit codes: 0 success, 1 the chain is broken, or error.
    """


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - options of a command
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    object_: Object = None,
    runbook: Annotated[str | None, typer.Option(help="Only of this runbook, e.g. scale.")] = None,
    entry: Annotated[Entry | None, typer.Option(help="Only what says this.")] = None,
    since: Since = None,
    until: Until = None,
    last: Annotated[int, typer.Option(min=1, help="How many entries, the newest ones.")] = 50,
    output: OutputOption = Output.TEXT,
) -> int:
    """Lists the entries, oldest first."""
    query = Query(
        object=object_, runbook=runbook, entry=entry, since=_time(since), until=_time(until)
    )
    with _reader(Place(data_dir, store, store_password_file)) as reader:
        newest = list(islice(reader.newest_first(query), last))
    records = [record(link) for link in reversed(newest)]
    if output is Output.JSON:
        write_json([asdict(found) for found in records])
        return 0
    for found in records:
        typer.echo(audit_report.line(found))
    return 0


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An action, or one of its entries.")],
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    output: FormOption = Form.TEXT,
) -> int:
    """Shows one action whole: why, what, how it went; ID as `list` shows it, or an entry's number."""
    with _reader(Place(data_dir, store, store_password_file)) as reader:
        links = list(reader.find(Query(action=id_)))
        if not links and id_.isascii() and id_.isdigit():
            found = reader.entry(int(id_))
            links = list(reader.find(Query(action=found.action))) if found else []
    if not links:
        raise CommandError(f"the audit trail has no action or entry {id_}")
    document = audit_report.action(links)
    if output is Form.TEXT:
        typer.echo("\n".join(audit_report.page(document)))
    else:
        (write_json if output is Form.JSON else write_yaml)(document)
    return 0


@app.command()
def export(  # noqa: PLR0913, PLR0917 - options of a command
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; by default standard output.")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    object_: Object = None,
    since: Since = None,
    until: Until = None,
) -> int:
    """Writes the entries as lines of JSON, with all that is needed to check them elsewhere."""
    query = Query(object=object_, since=_time(since), until=_time(until))
    with _reader(Place(data_dir, store, store_password_file)) as reader, _target(file) as target:
        for link in reader.find(query):
            target.write(link.line())
    return 0


@app.command()
def verify(
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    file: Annotated[
        Path | None, typer.Option(help="Check this export, and no store.", dir_okay=False)
    ] = None,
    noted: Annotated[
        str, typer.Option(help="NUMBER:HASH of an earlier check: it must still be in the chain.")
    ] = "",
) -> int:
    """Checks that no entry was changed or removed since it was written."""
    seen = _Noted(noted)
    if file is not None:
        with _source(file) as lines:
            found = audit_chain.check(seen.passing(_links(lines)))
        entries = "the file"
    else:
        with opened(Place(data_dir, store, store_password_file)) as database:
            found = audit_chain.check(seen.passing(AuditReader(database).find(Query())))
            found.broken = found.broken or AuditTrail(database).verify()
            entries = _count(AuditReader(database).count())
    if found.broken is not None:
        typer.echo(f"the chain is broken at entry {found.broken} of {entries}", err=True)
        return 1
    seen.require()
    typer.echo(audit_report.verdict(found))
    return 0


class _Noted:
    """An entry that somebody has noted down, to be met again."""

    def __init__(self, text: str) -> None:
        number, _, self._hash = text.partition(":")
        if text and not (number.isascii() and number.isdigit() and self._hash):
            raise CommandError(f"--noted: {text!r} is not NUMBER:HASH")
        self._seq = int(number) if text else None
        self._met = self._seq is None

    def passing(self, links: Iterator[Link]) -> Iterator[Link]:
        """The links, looked at in passing."""
        for link in links:
            self._met = self._met or (link.seq, link.hash) == (self._seq, self._hash)
            yield link

    def require(self) -> None:
        """Refuses a chain in which it was not.

        Raises:
            CommandError: it is another chain, even if that is whole.
        """
        if not self._met:
            raise CommandError(
                f"entry {self._seq} has not the hash that was noted: the chain was written anew,"
                " or is another one"
            )


@contextmanager
def _reader(place: Place) -> Iterator[AuditReader]:
    with opened(place) as database:
        yield AuditReader(database)


@contextmanager
def _target(file: Path | None) -> Iterator[IO[bytes]]:
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with file.open("wb") as target:
            yield target
    except OSError as error:
        raise CommandError(f"{file} can't be written: {error.strerror}") from error


@contextmanager
def _source(file: Path) -> Iterator[IO[bytes]]:
    try:
        with file.open("rb") as lines:
            yield lines
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error


def _links(lines: IO[bytes]) -> Iterator[Link]:
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield audit_chain.read_line(text)
            except ValueError as error:
                raise CommandError(f"line {number} can't be read: {error}") from None


def _time(text: str | None) -> datetime | None:
    """A moment, or a length of time before now."""
    if text is None:
        return None
    try:
        return datetime.now(UTC) - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{text!r} is neither a time such as 2026-01-31T12:00:00Z nor 2h"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"
