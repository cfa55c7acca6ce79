"""`swarmkeeper audit-trail`: reads the record of every action from the operator's data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from swarmkeeper.commands.output import Output, OutputOption, write_json
from swarmkeeper.commands.place import DEFAULT_DIR, DataDir, Store, StorePasswordFile, opened
from swarmkeeper.commands.tree import count
from swarmkeeper.store.audit import AuditTrail, Record
from swarmkeeper.store.opening import Place

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")


@app.callback()
def audit_trail() -> None:
    """Reads and checks the record of every action.

    It may be read while the operator runs. Exit codes: 0 success, 1 the chain is broken, or error.
    """


@app.command("list")
def list_(
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
    object_: Annotated[
        str, typer.Option("--object", help="Only of this object, e.g. SwarmService/orchestrator.")
    ] = "",
    last: Annotated[int, typer.Option(min=1, help="How many entries, the newest ones.")] = 50,
    output: OutputOption = Output.TEXT,
) -> int:
    """Lists the entries, oldest first."""
    with _trail(Place(data_dir, store, store_password_file)) as trail:
        records = list(trail.records(object_=object_ or None))[-last:]
    if output is Output.JSON:
        write_json([asdict(record) for record in records])
        return 0
    for record in records:
        typer.echo(_line(record))
    return 0


@app.command()
def verify(
    data_dir: DataDir = DEFAULT_DIR,
    store: Store = "",
    store_password_file: StorePasswordFile = None,
) -> int:
    """Checks that no entry was changed or removed since it was written."""
    with _trail(Place(data_dir, store, store_password_file)) as trail:
        broken = trail.verify()
        entries = count(sum(1 for _ in trail.records()), "entry").replace("entrys", "entries")
    if broken is not None:
        typer.echo(f"the chain is broken at entry {broken} of {entries}", err=True)
        return 1
    typer.echo(f"{entries}: the chain is whole")
    return 0


@contextmanager
def _trail(place: Place) -> Iterator[AuditTrail]:
    with opened(place) as database:
        yield AuditTrail(database)


def _line(record: Record) -> str:
    step = record.step
    told = "; ".join(part for part in (record.outcome, record.verification) if part) or step.reason
    return (
        f"{record.seq:>5}  {record.at}  {record.entry:<10}  {step.object}  {step.runbook}"
        f"  {step.target}  {told}"
    )
