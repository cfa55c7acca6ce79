"""The conformance table: nothing is called a pass that did not pass everywhere."""

from __future__ import annotations

import pytest
from support.conformance_table import Outcome, Result, markdown, plain, rows


def result(outcome: Outcome, store: str = "SQLite", verb: str = "get") -> Result:
    return Result(verb, "kubectl", store, outcome)


@pytest.mark.parametrize(
    ("results", "cell"),
    [
        ([result(Outcome.PASS), result(Outcome.PASS, "Postgres")], "pass"),
        ([result(Outcome.PASS), result(Outcome.FAIL)], "FAIL"),
        ([result(Outcome.PASS), result(Outcome.NOT_OBTAINABLE)], "not obtainable"),
        ([result(Outcome.NOT_APPLICABLE)], "n/a"),
        (
            [result(Outcome.PASS), result(Outcome.FAIL, "Postgres")],
            "SQLite: pass, Postgres: FAIL",
        ),
        (
            [result(Outcome.PASS), result(Outcome.NOT_OBTAINABLE, "Postgres")],
            "SQLite: pass, Postgres: not obtainable",
        ),
    ],
    ids=str,
)
def test_the_worst_counts_and_stores_are_told_apart(results: list[Result], cell: str) -> None:
    assert rows(results) == [["verb", "kubectl"], ["get", cell]]


def test_verbs_come_in_order_in_both_forms() -> None:
    results = [result(Outcome.PASS, verb="wait"), result(Outcome.FAIL, verb="edit")]

    assert plain(results) == ["verb  kubectl", "edit  FAIL", "wait  pass"]
    assert (
        markdown(results) == "| verb | kubectl |\n| --- | --- |\n| edit | FAIL |\n| wait | pass |\n"
    )
