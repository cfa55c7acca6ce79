"""What a look at a certificate says about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.certificates import FILES, facts, observed, served, target

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.observe import Observed
from swarmkeeper.runtime.certificates import Facts, Stored
from swarmkeeper.runtime.reconciler import Verification
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing.clock import START


def conditions(found: Verification) -> dict[str, tuple[str, str]]:
    return {one.type: (str(one.status), one.reason) for one in found.conditions}


def values(found: Verification, name: str) -> list[float]:
    return [one.value for one in found.figures if one.name == f"swarmkeeper_certificate_{name}"]


def test_a_certificate_that_is_well_is_ready() -> None:
    found = RECONCILER.verify(target(), observed(facts(left=60)))

    assert conditions(found) == {"Served": ("True", "Served"), "Issuing": ("False", "NotDue")}
    assert (found.healthy, found.failure) == (True, None)
    assert found.fields["notAfter"] == "2026-04-30T12:00:00Z"
    assert found.fields["renewalTime"] == "2026-03-31T12:00:00Z"
    assert values(found, "renewal_timestamp_seconds") == [(START + timedelta(days=30)).timestamp()]


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (facts(left=-1), "Expired"),
        (facts(left=0), "Expired"),
        (facts(left=91), "NotYetValid"),
        (facts(names=("other.test",)), "NameMismatch"),
        (facts(names=()), "NameMismatch"),
        (facts(distrust="self-signed"), "IncorrectIssuer"),
        (facts(left=30), "Expiring"),
        (facts(left=-1, names=(), distrust="x"), "Expired"),
    ],
)
def test_each_thing_that_may_be_wrong_has_its_reason(shown: Facts, reason: str) -> None:
    found = RECONCILER.verify(target(), observed(shown))

    assert conditions(found)["Served"] == ("False", reason)
    assert found.healthy is False
    assert found.failure is not None
    assert found.failure[0] == reason


@pytest.mark.parametrize(
    ("name", "stands", "well"),
    [
        ("app.test", "app.test", True),
        ("a.app.test", "*.app.test", True),
        ("a.app.test", "*.APP.test", True),
        ("*.app.test", "*.app.test", True),
        ("app.test", "*.app.test", False),
        ("a.b.app.test", "*.app.test", False),
        ("*.app.test", "a.app.test", False),
        ("*.app.test", "*.test", False),
    ],
)
def test_a_star_stands_for_one_label(name: str, stands: str, well: bool) -> None:
    declared = target(dnsNames=[name])
    shown = served(facts(names=(stands,)), name=name)

    found = RECONCILER.verify(declared, observed(shown))

    assert (conditions(found)["Served"][1] == "Served") is well


def test_an_endpoint_that_can_not_be_asked_is_unknown_and_never_well() -> None:
    found = RECONCILER.verify(target(), observed(facts(), served("refused", "10.0.0.2")))

    assert conditions(found)["Served"] == ("Unknown", "EndpointUnreachable")
    assert (found.healthy, found.failure) == (None, None)
    assert "traefik:443 (10.0.0.2): refused" in found.message
    assert values(found, "ready_status") == [0.0, 0.0, 1.0]


def test_what_is_wrong_counts_more_than_what_is_unknown() -> None:
    found = RECONCILER.verify(target(), observed("refused", served(facts(left=-1), "10.0.0.2")))

    assert conditions(found)["Served"] == ("False", "Expired")


def test_the_certificate_that_ends_first_is_told() -> None:
    shown = observed(facts("a", left=60), served(facts("b", left=50), "10.0.0.2"))

    assert RECONCILER.verify(target(), shown).fields["serial"] == "b"


def test_without_the_cas_nothing_is_known() -> None:
    seen = Observed(Unknown("there is no secret ca"), reason="SecretMissing")

    found = RECONCILER.verify(target(), seen)

    assert conditions(found) == {"Served": ("Unknown", "SecretMissing")}
    assert found.healthy is None
    assert values(found, "expiration_timestamp_seconds") == []


@pytest.mark.parametrize(
    ("age", "shown", "reason"),
    [
        (10, facts("old"), None),
        (10, facts("default", names=()), None),
        (61, facts("old"), "ServedDiffers"),
        (61, facts("default", names=()), "NameMismatch"),
    ],
)
def test_servers_get_a_minute_to_show_what_was_published(
    age: int, shown: Facts, reason: str | None
) -> None:
    new = Stored(facts("new"), written=START - timedelta(seconds=age))
    seen = observed(shown, published=new, brought=Stored(facts("new")))

    found = RECONCILER.verify(target(**FILES), seen)

    assert bool(found.progress) is (reason is None)
    assert found.healthy is (None if reason is None else False)
    assert (found.failure[0] if found.failure else None) == reason


@pytest.mark.parametrize(
    ("brought", "reason"),
    [
        (Stored(problem="MissingData", message="no secret"), "MissingData"),
        (Stored(facts("new", left=-1)), "Expired"),
        (Stored(facts("old", left=20)), "Expiring"),
    ],
)
def test_what_is_wrong_with_the_certificate_that_was_brought_is_told(
    brought: Stored, reason: str
) -> None:
    old = facts("old", left=60)
    seen = observed(old, published=Stored(old), brought=brought)

    found = RECONCILER.verify(target(**FILES), seen)

    assert conditions(found)["Issuing"] == ("False", reason)
    assert found.failure is not None


def test_it_is_looked_at_again_when_it_becomes_due() -> None:
    soon: dict[str, Any] = {"interval": "24h", "renewBefore": "24h"}

    found = RECONCILER.verify(target(**soon), observed(facts(left=1.5)))

    assert found.recheck == timedelta(hours=12)
