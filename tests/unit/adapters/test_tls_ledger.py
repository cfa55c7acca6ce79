"""The ledger of orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from swarmkeeper.adapters.tls.ledger import Ledger
from swarmkeeper.runtime.certificates import INTERRUPTED, Attempt

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEGUN = Attempt(NOW, "k", reason=INTERRUPTED, message="it did not end")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "acme" / "ledger.jsonl")


def test_an_order_that_nobody_closed_is_there_after_a_restart(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.write("ca", ("a.test",), BEGUN)

    assert Ledger(tmp_path / "acme" / "ledger.jsonl").attempts("ca", ("a.test",)) == (BEGUN,)


def test_an_order_that_was_closed_is_there_once(ledger: Ledger) -> None:
    closed = replace(BEGUN, serial="1a", reason="", message="", retry_after=NOW)
    ledger.write("ca", ("a.test",), BEGUN)
    ledger.write("ca", ("a.test",), closed)

    assert ledger.attempts("ca", ("a.test",)) == (closed,)


def test_the_same_names_in_another_order_are_the_same_and_others_are_not(ledger: Ledger) -> None:
    ledger.write("ca", ("b.test", "a.test"), BEGUN)

    assert ledger.attempts("ca", ("a.test", "b.test")) == (BEGUN,)
    assert ledger.attempts("ca", ("a.test",)) == ()
    assert ledger.attempts("another", ("a.test", "b.test")) == ()


def test_what_is_too_old_for_any_limit_goes(ledger: Ledger) -> None:
    ledger.write("ca", ("a.test",), BEGUN)
    later = replace(BEGUN, time=NOW + timedelta(days=9))
    ledger.write("ca", ("a.test",), later)

    assert ledger.attempts("ca", ("a.test",)) == (later,)
