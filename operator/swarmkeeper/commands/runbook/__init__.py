"""`swarmkeeper runbook`: what can be asked for, and asking for it."""

from __future__ import annotations

import typer

from swarmkeeper.commands.runbook import list_, run

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")
app.command("list")(list_.command)
app.command("run")(run.command)


@app.callback()
def runbook() -> None:
    """Shows the runbooks of every kind, and runs one on an object.

    Exit codes: 0 success, 1 the run has failed or can't be asked for, 130 interrupted.
    """
