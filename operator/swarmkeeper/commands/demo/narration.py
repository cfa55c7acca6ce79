"""How the demo talks: chapters, commands as they would be typed, waits with their length, a table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """What one step of the demo has shown.

    Attributes:
        what: what happened to the swarm.
        answer: what the operator did about it.
        accepted_ms: until the engine had accepted the correction; None where nothing was corrected.
        running_ms: until all was as declared; None likewise.
    """

    what: str
    answer: str
    accepted_ms: float | None = None
    running_ms: float | None = None


class Narrator:
    """Tells the story on a terminal, or plainly into a file.

    Args:
        console: where to.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _console()
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begins the next part."""
        self._chapters += 1
        self._console.print(f"\n[bold cyan]{self._chapters}. {escape(title)}[/]")

    def say(self, text: str) -> None:
        """Says something."""
        self._console.print(f"   {escape(text)}", soft_wrap=True)

    def shell(self, line: str) -> None:
        """Shows a command that is being run, as one would type it."""
        self._console.print(f"   [bold]$ {escape(line)}[/]", soft_wrap=True)

    def quote(self, text: str) -> None:
        """Shows what a program has printed."""
        for line in text.rstrip().splitlines():
            self._console.print(f"     [dim]{escape(line)}[/]", soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that something takes its time, and how long it took."""
        began = time.monotonic()
        try:
            with self._console.status(f"   {escape(text)} …"):
                yield
        except BaseException:
            self._console.print(f"   [red]✗[/] {escape(text)}", soft_wrap=True)
            raise
        seconds = time.monotonic() - began
        self._console.print(f"   [green]✓[/] {escape(text)} [dim]({seconds:.1f} s)[/]")

    def summary(self, results: Sequence[Result]) -> None:
        """Shows all results as a table."""
        table = Table(title="What was shown", title_justify="left", caption_justify="left")
        table.caption = (
            "until the engine had accepted it, and until all was well again; commits from the start "
            "of git push, changes by hand from the engine's own event"
        )
        table.add_column("What happened")
        table.add_column("What Swarmkeeper did")
        table.add_column("accepted after", justify="right")
        table.add_column("well after", justify="right")
        for each in results:
            table.add_row(
                each.what,
                each.answer,
                milliseconds(each.accepted_ms),
                milliseconds(each.running_ms),
            )
        self._console.print()
        self._console.print(table)


def milliseconds(value: float | None) -> str:
    """`42 ms`, or nothing."""
    return "" if value is None else f"{value:,.0f} ms"


def _console() -> Console:
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=120)
