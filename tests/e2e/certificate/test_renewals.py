"""A whole operator renews: by each issuer that publishes, and while the CA is down."""

from __future__ import annotations

import pytest
from support.certificate_stage import PATIENCE, CertificateStage
from support.operator_process import eventually
from support.tls import Authority


def test_a_pair_that_is_brought_is_served_and_so_is_the_next(stage: CertificateStage) -> None:
    authority = Authority()
    (stage.secrets / "issued_by").write_bytes(authority.pem)
    first, second = authority.issue("app.test"), authority.issue("app.test")
    stage.bring(first)
    refs = {"certificateSecretRef": {"name": "crt"}, "keySecretRef": {"name": "key"}}
    stage.declare(issuer={"files": refs}, publish={})
    stage.operator.start()
    assert stage.wait_served() == first.serial

    stage.bring(second)

    assert stage.wait_served(other_than=first.serial) == second.serial


@pytest.mark.parametrize("hook", ["", "dns"], ids=["HTTP-01", "DNS-01"])
def test_a_renewal_by_acme_is_served_and_counted(stage: CertificateStage, hook: str) -> None:
    stage.ca.write_hook(stage.operator.data / "acme" / "hooks" / "dns")
    stage.declare(**stage.acme(**({"dns01": {"hook": hook}} if hook else {})))
    stage.operator.start()
    first = stage.wait_served()

    stage.renew("1")
    stage.wait_served(other_than=first)

    assert (stage.ca.orders, stage.ca.issued) == (2, 2)
    eventually(lambda: stage.status["issuedThisWeek"] == 2, within=PATIENCE)


def test_a_ca_that_is_down_leaves_the_old_certificate_serving(stage: CertificateStage) -> None:
    stage.declare(**stage.acme())
    stage.operator.start()
    first = stage.wait_served()
    stage.ca.stop()

    stage.renew("1")
    eventually(lambda: stage.status.get("failedIssuanceAttempts", 0) > 0, within=PATIENCE)
    assert stage.status["endpoints"][0]["serial"] == first
    assert stage.condition("Served") == ("True", "Served")

    stage.start_ca()  # one that has forgotten the account, with new keys
    stage.renew("2")
    stage.wait_served(other_than=first)
    # What was asked for while it was down may have been made up for, before the second request came.
    eventually(lambda: stage.status["issuedThisWeek"] == stage.ca.issued >= 2, within=PATIENCE)
