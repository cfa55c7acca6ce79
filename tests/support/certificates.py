"""Short ways to say what a test is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reconcilers.certificate import RECONCILER
from reconcilers.certificate.observe import Observed
from swarmkeeper.runtime.certificates import Endpoint, Facts, Served, Stored
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.unknown import Unknown
from swarmkeeper.testing import target_of
from swarmkeeper.testing.clock import START

BASE: dict[str, Any] = {
    "dnsNames": ["app.test"],
    "endpoints": [{"host": "traefik"}],
}
FILES: dict[str, Any] = {
    "issuer": {"files": {"certificateSecretRef": {"name": "crt"}, "keySecretRef": {"name": "key"}}},
    "publish": {},
}
DAY = timedelta(days=1)


def target(**spec: Any) -> Target[Any]:
    return target_of(RECONCILER, {**BASE, **spec}, name="app")


def facts(serial: str = "1a", *, days: float = 90, left: float = 60, **changed: Any) -> Facts:
    """A certificate of some days, with some days left."""
    known: dict[str, Any] = {
        "fingerprint": f"f{serial}",
        "key_fingerprint": f"k{serial}",
        "serial": serial,
        "subject": "CN=app.test",
        "issuer": "CN=Test CA",
        "names": ("app.test",),
        "not_before": START + (left - days) * DAY,
        "not_after": START + left * DAY,
    }
    return Facts(**{**known, **changed})


def served(seen: Facts | str, address: str = "10.0.0.1", name: str = "app.test") -> Served:
    found = Unknown(seen) if isinstance(seen, str) else seen
    return Served(Endpoint("traefik", 443, name), address, found)


def observed(
    *shown: Facts | str | Served,
    published: Stored | None = None,
    brought: Stored | None = None,
) -> Observed:
    found = tuple(one if isinstance(one, Served) else served(one) for one in shown)
    return Observed(found, published, brought)
