"""Killed with -9 at any point of an ACME order, a whole operator loses no certificate and counts each."""

from __future__ import annotations

import signal

import pytest
from support.certificate_stage import CertificateStage
from support.crashing_acme import POINTS

pytestmark = pytest.mark.chaos
ANEW = {"order placed", "answered"}
"""Where a second order may be needed: nobody has kept where the first is, or nobody answered the CA."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_one_certificate_is_issued_counted_and_served(
    stage: CertificateStage, point: str
) -> None:
    stage.declare(**stage.acme())
    stage.operator.start(die_at=point)
    assert stage.operator.wait() == -signal.SIGKILL

    stage.files()  # is whole, if there is any
    stage.operator.start()
    stage.wait_served()

    assert 1 <= stage.ca.orders <= (2 if point in ANEW else 1)
    assert stage.ca.issued == 1
    assert stage.status["issuedThisWeek"] == 1
    left = list((stage.operator.data / "acme" / "orders").glob("*"))
    assert not left or point == "published"  # then the next order takes its place
