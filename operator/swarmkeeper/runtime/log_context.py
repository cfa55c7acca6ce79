"""Which pass a thread is in: keys that every log line within it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_KEYS: Final[ContextVar[Mapping[str, str] | None]] = ContextVar("log_context", default=None)


@contextmanager
def bound(**keys: str) -> Iterator[None]:
    """Adds keys to the log lines of this thread as long as the block runs; empty ones are left out."""
    told = {name: value for name, value in keys.items() if value}
    token = _KEYS.set({**current(), **told})
    try:
        yield
    finally:
        _KEYS.reset(token)


def current() -> Mapping[str, str]:
    """The keys of this thread now."""
    return _KEYS.get() or {}
