"""Tracing as the engine and the adapters see it: spans inside spans. Off unless a real tracer is given."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

Attribute = str | int | float | bool


class Span(Protocol):
    """One thing that takes time."""

    @property
    def trace_id(self) -> str:
        """Of the trace that it belongs to, 32 hex digits; empty where nothing is traced."""
        ...

    def note(self, name: str, value: Attribute) -> None:
        """Sets an attribute; it must hold no secret, and none of the bodies that were exchanged."""
        ...

    def failed(self, why: str) -> None:
        """Marks it as failed. An exception that leaves the span does so by itself."""
        ...


class Tracer(Protocol):
    """Makes spans; the one that is open on a thread is the parent of the next one there."""

    def span(
        self, name: str, /, *, client: bool = False, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """A span around a block.

        Args:
            name: few different ones: no names of objects.
            client: it is a call to another process.
            attributes: known at the start; `swarmkeeper.` is put before a name without a dot.
        """
        ...


class NoSpan:
    """A span that goes nowhere."""

    trace_id = ""

    def note(self, name: str, value: Attribute) -> None:
        """Does nothing."""

    def failed(self, why: str) -> None:
        """Does nothing."""


class NoTracer:
    """Traces nothing."""

    def span(
        self, name: str, /, *, client: bool = False, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """A span that goes nowhere."""
        del name, client, attributes
        return _NOWHERE


_NOWHERE: Final = nullcontext(NoSpan())
NO_TRACER: Final = NoTracer()
