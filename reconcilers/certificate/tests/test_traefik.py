"""When Traefik is restarted, and that it is restarted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.certificates import facts, observed, target

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.forcing import DEFAULT
from reconcilers.certificate.observe import Observed
from swarmkeeper.runtime.certificates import Facts
from swarmkeeper.runtime.errors import Retry
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.swarm import Service
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing import FakeSwarm, fake_ports, service_spec
from swarmkeeper.testing.clock import START, FakeClock

SPEC: dict[str, Any] = {"issuer": {"traefik": {"service": "traefik"}}, "renewBefore": "480h"}


def service(ago: timedelta = timedelta(days=1)) -> Service:
    swarm = FakeSwarm(clock=FakeClock(START - ago))
    swarm.create(service_spec("traefik"))
    found = swarm.service("traefik")
    assert found is not None
    return found


def seen(shown: Facts | str, server: Service | Unknown | None) -> Observed:
    return replace(observed(shown), server=server)


def planned(shown: Facts | str, server: Service | Unknown | None, **spec: Any) -> Plan:
    return RECONCILER.plan(target(**{**SPEC, **spec}), seen(shown, server))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (facts(left=21), []),
        (facts(left=19), ["restart-server"]),
        (facts(left=-1), ["restart-server"]),
        (facts(subject=DEFAULT, names=()), ["restart-server"]),
        (facts(left=60, names=("other.test",)), []),
        ("refused", []),
    ],
    ids=["not due", "due", "expired", "default certificate", "another name", "unknown"],
)
def test_when_traefik_is_restarted(shown: Facts | str, expected: list[str]) -> None:
    assert [one.runbook for one in planned(shown, service()).actions] == expected


def test_what_traefik_would_not_renew_yet_is_no_reason() -> None:
    early = {"renewBefore": "960h"}  # 40 days: Traefik renews at 30

    assert planned(facts(left=35), service(), **early).actions == ()
    assert planned(facts(left=29), service(), **early).actions != ()


@pytest.mark.parametrize("confirm", [True, False])
def test_a_restart_waits_for_approval_unless_told_otherwise(confirm: bool) -> None:
    issuer = {"traefik": {"service": "traefik", "confirm": confirm}}

    (action,) = planned(facts(left=19), service(), issuer=issuer).actions

    assert action.confirm is confirm


@pytest.mark.parametrize(
    ("left", "minutes", "restarted"),
    [(19, 59, False), (19, 60, True), (0.25, 35, False), (0.25, 36, True), (-1, 15, True)],
)
def test_a_restart_is_given_time(left: float, minutes: int, restarted: bool) -> None:
    ago = timedelta(minutes=minutes)

    assert bool(planned(facts(left=left), service(ago)).actions) is restarted


@pytest.mark.parametrize("server", [None, Unknown("no leader")], ids=["missing", "unknown"])
def test_without_its_service_nothing_is_done_and_that_is_told(server: Unknown | None) -> None:
    assert planned(facts(left=19), server).actions == ()

    found = RECONCILER.verify(target(**SPEC), seen(facts(left=19), server))

    assert found.failure is not None
    assert found.failure[0] in {"ServerMissing", "ServerUnknown"}


def act(swarm: FakeSwarm, action: Action) -> None:
    RECONCILER.act(target(**SPEC), action, fake_ports(swarm))


def force(swarm: FakeSwarm) -> int:
    found = swarm.service("traefik")
    assert found is not None
    return int(found.spec["TaskTemplate"].get("ForceUpdate", 0))


def test_a_step_restarts_once_however_often_it_is_taken() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec("traefik"))
    (action,) = planned(facts(left=19), service()).actions

    act(swarm, action)
    act(swarm, action)

    assert force(swarm) == 1
    with pytest.raises(Retry):
        act(swarm, replace(action, before={"ForceUpdate": 7}, after={"ForceUpdate": 8}))


def test_a_request_by_hand_restarts_once_for_each_run() -> None:
    swarm = FakeSwarm()
    swarm.create(service_spec("traefik"))

    for run in ("1", "1", "2"):
        act(swarm, Action("restart-server", "x", {}, {}, "asked", parameters={"run": run}))

    assert force(swarm) == 2
