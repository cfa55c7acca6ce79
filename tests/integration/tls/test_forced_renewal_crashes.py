"""An operator that is killed at any moment of a forced renewal: it runs again and shows a certificate."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from support.traefik_on_paper import CERTIFICATE, LATER, Killed, Paper

from swarmkeeper.runtime.service_hold import BY

pytestmark = pytest.mark.integration
RENEWED, PUT_BACK = 2 * 7, 2 * 10
"""Moments before and after each write to the Swarm, the ledger and the file."""


def die_and_go_on(paper: Paper, moment: int) -> bool:
    """Whether the operator has died; another one has gone on."""
    paper.look()
    paper.clock.time += LATER
    paper.begin(dies_after=moment)
    died = True
    with suppress(Killed):
        paper.settle()
        died = False
    paper.begin()
    paper.clock.forward(seconds=30)
    for _ in range(30):
        paper.look()
    paper.settle()
    return died


@pytest.mark.parametrize("moment", range(RENEWED + 1))
def test_a_death_at_any_moment_ends_with_a_new_certificate(tmp_path: Path, moment: int) -> None:
    paper = Paper(tmp_path)
    paper.declare(issuanceTimeout="10s")
    first = paper.swarm.shown

    died = die_and_go_on(paper, moment)

    assert died is (moment < RENEWED)
    assert paper.swarm.replicas == 1
    assert paper.swarm.shown not in (None, first)
    assert paper.swarm.ordered == 2
    assert paper.swarm.fought == 0
    assert BY not in paper.swarm.spec["Labels"]
    assert len(list(tmp_path.glob("acme.json.swarmkeeper-*"))) in (1, 2)


@pytest.mark.parametrize("moment", range(PUT_BACK + 1))
def test_with_a_ca_that_is_down_it_ends_with_the_old_one(tmp_path: Path, moment: int) -> None:
    paper = Paper(tmp_path)
    paper.declare(issuanceTimeout="10s")
    first = paper.swarm.shown
    paper.swarm.ca_is_up = False

    died = die_and_go_on(paper, moment)

    assert died is (moment < PUT_BACK)
    assert paper.swarm.replicas == 1
    assert paper.swarm.shown == first
    assert paper.swarm.fought == 0
    assert BY not in paper.swarm.spec["Labels"]
    assert [one.reason for one in paper.attempts()][-1] == "NotRenewed"


def test_the_fourth_in_a_week_is_refused(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.declare(issuanceTimeout="10s")
    for run in "1234":
        annotation = {"swarmkeeper.dev/run": f"force-renewal:{run}"}
        paper.engine.objects.patch(
            CERTIFICATE, {"metadata": {"annotations": annotation}}, actor="test"
        )
        paper.look()
        if pending := paper.engine.status(CERTIFICATE).get("pendingApproval"):
            approval = {"swarmkeeper.dev/approve": pending["hash"]}
            paper.engine.objects.patch(
                CERTIFICATE, {"metadata": {"annotations": approval}}, actor="test"
            )
        paper.look()
        paper.settle()

    assert paper.swarm.ordered == 4  # the first by itself
    assert any("at most 3" in message for _, _, message in paper.engine.events())
