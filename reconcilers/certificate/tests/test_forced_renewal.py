"""When Traefik is made to renew before its time, and what stands against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.certificates import facts, observed, target

from desired_state.objects import JsonObject
from reconcilers.certificate import RECONCILER
from reconcilers.certificate.journal import Journal, Step, closed, entered, journal_of
from reconcilers.certificate.observe import Observed
from swarmkeeper.runtime import service_hold
from swarmkeeper.runtime.certificates import Attempt, Facts
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing import FakeSwarm, service_spec
from swarmkeeper.testing.clock import START, FakeClock

STORAGE = {"resolver": "le"}
SPEC: dict[str, Any] = {
    "issuer": {"traefik": {"service": "traefik", "storage": STORAGE}},
    "renewBefore": "960h",  # 40 days, and Traefik renews at 30
}


def service(change: Callable[[JsonObject], None] | None = None) -> Service:
    swarm = FakeSwarm(clock=FakeClock(START - timedelta(days=1)))
    swarm.create(service_spec("traefik"))
    if change is not None:
        swarm.edit("traefik", change)
    found = swarm.service("traefik")
    assert found is not None
    return found


def seen(shown: Facts, **changed: Any) -> Observed:
    found = replace(observed(shown), server=service(), stored=(shown,))
    return replace(found, **changed)


def planned(found: Observed, **spec: Any) -> Plan:
    return RECONCILER.plan(target(**{**SPEC, **spec}), found)


@pytest.mark.parametrize(
    ("left", "expected"),
    [(41, []), (39, ["force-renewal"]), (30, ["force-renewal"]), (29, ["restart-server"])],
    ids=["not due", "due", "just before Traefik's time", "Traefik's time"],
)
def test_when_a_renewal_is_forced(left: float, expected: list[str]) -> None:
    assert [one.runbook for one in planned(seen(facts(left=left))).actions] == expected


def test_without_the_file_nothing_is_forced() -> None:
    issuer = {"traefik": {"service": "traefik"}}

    assert planned(seen(facts(left=35)), issuer=issuer) == Plan()


def test_it_waits_for_approval() -> None:
    (action,) = planned(seen(facts(left=35))).actions

    assert action.confirm


def replicas(number: int) -> Callable[[JsonObject], None]:
    return lambda spec: spec["Mode"].update(Replicated={"Replicas": number})


def held(spec: JsonObject) -> None:
    service_hold.hold(spec, "Certificate/other", START + timedelta(minutes=1))


def attempts(*reasons: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(START - timedelta(hours=30 - n), str(n), "" if reason else "1", reason)
        for n, reason in enumerate(reasons)
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"server": service(replicas(2))}, "NotSupported"),
        ({"server": service(replicas(0))}, "NotSupported"),
        ({"server": replace(service(), spec={"Mode": {"Global": {}}})}, "NotSupported"),
        ({"server": replace(service(), update_status={"State": "updating"})}, "ServerUpdating"),
        ({"server": service(held)}, "Held"),
        ({"server": None}, "ServerMissing"),
        ({"stored": Unknown("gone")}, "StorageUnreadable"),
        ({"stored": (facts("other"),)}, "NotInStorage"),
        ({"attempts": attempts("", "", "")}, "RateLimited"),
        ({"attempts": attempts("NotRenewed", "NotRenewed", "NotRenewed")}, "NotRenewed"),
    ],
    ids=[
        *("replicas", "stopped", "global", "updating", "held", "missing", "unreadable"),
        *("not in the file", "three in a week", "backoff"),
    ],
)
def test_what_stands_against_it_is_told(changed: dict[str, Any], reason: str) -> None:
    found = seen(facts(left=35), **changed)
    if reason == "NotRenewed":
        recent = replace(found.attempts[-1], time=START - timedelta(minutes=10))
        found = replace(found, attempts=(*found.attempts[:-1], recent))

    assert planned(found).actions == ()
    verdict = RECONCILER.verify(target(**SPEC), found)

    assert {one.type: one.reason for one in verdict.conditions}["Issuing"] == reason


def test_an_endpoint_that_can_not_be_asked_stands_against_it() -> None:
    found = replace(observed(facts(left=35), "refused"), server=service(), stored=(facts(),))

    assert planned(found).actions == ()


JOURNAL = Journal("Certificate/app", "key", False, "1a", ("app.test",), 1, START, Step.STOP, START)


@pytest.mark.parametrize("step", Step)
def test_what_is_under_way_is_ended_whatever_is_seen(step: Step) -> None:
    spec = entered(service().spec, replace(JOURNAL, step=step))
    found = seen(facts(), server=replace(service(), spec=spec), served=Unknown("no CA"))

    (action,) = planned(found, mode="Warn").actions
    assert action.completes
    assert RECONCILER.finalize(target(**SPEC), found).actions == (action,)
    assert RECONCILER.verify(target(**SPEC), found).healthy is None


def test_what_another_object_has_under_way_is_left_alone() -> None:
    spec = entered(service().spec, replace(JOURNAL, object="Certificate/other"))
    found = seen(facts(left=35), server=replace(service(), spec=spec))

    assert planned(found).actions == ()
    assert RECONCILER.finalize(target(**SPEC), found) == Plan()


def test_the_journal_comes_back_as_it_was_written_and_leaves_nothing() -> None:
    before = service().spec
    spec = entered(before, JOURNAL)

    assert journal_of(spec) == JOURNAL
    assert spec["Mode"]["Replicated"]["Replicas"] == 0
    assert service_hold.hold_of(spec, START) is not None
    assert closed(entered(spec, replace(JOURNAL, step=Step.START))) == before


@pytest.mark.parametrize("label", ["", "{}", "[]", '{"object": "x"}'])
def test_a_label_that_is_no_journal_is_none(label: str) -> None:
    assert journal_of({"Labels": {"swarmkeeper.dev/renewal": label}}) is None
