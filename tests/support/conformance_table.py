"""The table of the conformance suite: which verb works with which client, on every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of a test; the worst one of several counts, in this order."""

    FAIL = "FAIL"
    NOT_OBTAINABLE = "not obtainable"
    PASS = "pass"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Result:
    """One test.

    Attributes:
        verb: row.
        client: column.
        store: on which it ran.
        outcome: what came of it.
    """

    verb: str
    client: str
    store: str
    outcome: Outcome


def rows(results: Sequence[Result]) -> list[list[str]]:
    """The table: headings, then a row for each verb, in order; empty: no such test."""
    clients = _unique(result.client for result in results)
    verbs = sorted({result.verb for result in results})
    body = [[verb, *(_cell(results, verb, client) for client in clients)] for verb in verbs]
    return [["verb", *clients], *body]


def plain(results: Sequence[Result]) -> list[str]:
    """The lines of the table for a terminal."""
    table = rows(results)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]


def markdown(results: Sequence[Result]) -> str:
    """The table for the documentation."""
    head, *body = rows(results)
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *body))


def _cell(results: Sequence[Result], verb: str, client: str) -> str:
    order = list(Outcome)
    by_store: dict[str, Outcome] = {}
    for result in results:
        if (result.verb, result.client) == (verb, client):
            known = by_store.get(result.store, result.outcome)
            by_store[result.store] = min(known, result.outcome, key=order.index)
    if len(set(by_store.values())) == 1:
        return next(iter(by_store.values())).value
    return ", ".join(f"{store}: {outcome}" for store, outcome in by_store.items())


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
