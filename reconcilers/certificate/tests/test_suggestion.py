"""What a CA's suggestion to renew means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.certificates import DAY, facts, observed, target

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.policy import due
from reconcilers.certificate.suggestion import due_by, is_exempt, replaces
from swarmkeeper.runtime.certificates import Attempt, RenewalInfo, Stored
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing.clock import START

ACME: dict[str, Any] = {"issuer": {"acme": {}}, "publish": {}}


def info(at: timedelta, width: timedelta = 2 * DAY) -> RenewalInfo:
    return RenewalInfo(START + at - width / 2, START + at + width / 2, START + at, "https://why")


@given(days=st.integers(-100, 100))
def test_a_suggestion_never_delays(days: int) -> None:
    known = facts()
    seen = replace(observed(known, published=Stored(known)), suggested=info(days * DAY))

    found = due_by(target(**ACME), seen, known)

    assert found == min(due(target(**ACME).spec, known), START + days * DAY)


def test_what_is_suggested_now_is_renewed_with_the_reason_of_the_ca() -> None:
    known = facts()
    seen = replace(observed(known, published=Stored(known)), suggested=info(-DAY / 24))

    (action,) = RECONCILER.plan(target(**ACME), seen).actions

    assert action.runbook == "renew"
    assert action.reason.startswith("ARIRenewal: ")
    assert action.reason.endswith(": https://why")


def test_no_suggestion_is_told_and_renews_nothing() -> None:
    known = facts()
    seen = replace(observed(known, published=Stored(known)), suggested=Unknown("503"))

    assert not RECONCILER.plan(target(**ACME), seen).actions
    fields = RECONCILER.verify(target(**ACME), seen).fields
    assert fields["renewalInfo"] == {"reason": "ARIError", "message": "503"}


def test_only_within_the_window_an_order_does_not_count() -> None:
    for at, expected in ((0 * DAY, True), (2 * DAY, False), (-2 * DAY, False)):
        assert is_exempt(info(at), replaces=True, now=START) is expected
    assert not is_exempt(info(0 * DAY), replaces=False, now=START)


def test_the_ca_is_told_what_is_replaced_unless_it_minds_or_the_names_are_others() -> None:
    spec, refused = target(**ACME).spec, Attempt(START, "k", reason="AlreadyReplaced")

    assert replaces(spec, info(DAY), facts(), ())
    assert not replaces(spec, info(DAY), facts(), (refused,))
    assert not replaces(spec, info(DAY), facts(names=("other.test",)), ())
    assert not replaces(spec, None, facts(), ())
