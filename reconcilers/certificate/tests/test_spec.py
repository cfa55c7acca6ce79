"""What may be declared about a certificate, and how mistakes are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from support.certificates import BASE, FILES, facts

from reconcilers.certificate.spec import CertificateSpec


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dnsNames": []}, "at least 1 item"),
        ({"endpoints": []}, "at least 1 item"),
        ({"dnsNames": ["App.test"]}, "is no DNS name"),
        ({"dnsNames": ["a.*.test"]}, "is no DNS name"),
        ({"dnsNames": ["https://app.test"]}, "is no DNS name"),
        ({"endpoints": [{"host": "https://app.test"}]}, "pattern"),
        ({"endpoints": [{"host": "traefik", "port": 0}]}, "greater than or equal to 1"),
        ({"renewBefore": "1m"}, "seconds=300"),
        ({"renewBefore": "1h", "renewBeforePercentage": 10}, "give either"),
        ({"renewBeforePercentage": 100}, "less than or equal to 99"),
        ({"publish": {}}, "publish needs an issuer"),
        ({"issuer": FILES["issuer"]}, "issuer needs publish"),
        ({"issuer": FILES["issuer"], "publish": {"mountPath": "certificates"}}, "must be absolute"),
    ],
)
def test_mistakes_are_told(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CertificateSpec.model_validate({**BASE, **changed})


@pytest.mark.parametrize("name", ["app.test", "*.app.test", "localhost", "a-b.c_d.test"])
def test_names_may_be(name: str) -> None:
    CertificateSpec.model_validate({**BASE, "dnsNames": [name]})


@pytest.mark.parametrize(
    ("declared", "days"),
    [
        ({}, 30),
        ({"renewBefore": "240h"}, 10),
        ({"renewBeforePercentage": 50}, 45),
        ({"renewBefore": "2160h"}, 30),
        ({"renewBefore": "9000h"}, 30),
    ],
    ids=["a third", "time", "percentage", "its whole life", "longer than its life"],
)
def test_when_a_certificate_of_90_days_is_due(declared: dict[str, Any], days: int) -> None:
    spec = CertificateSpec.model_validate({**BASE, **declared})

    assert spec.due_before(facts(days=90)) == timedelta(days=days)
