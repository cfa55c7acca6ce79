"""What may be wrong with a certificate: named checks in a fixed order, as cert-manager has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconcilers.certificate.spec import CertificateSpec
from swarmkeeper.runtime.certificates import Facts, Stored

Finding = tuple[str, str]
"""(CamelCase reason, message)."""


def findings(spec: CertificateSpec, facts: Facts, now: datetime) -> Iterator[Finding]:
    """All that is wrong with a certificate, the gravest first; nothing where it is well."""
    if now >= facts.not_after:
        yield "Expired", f"it expired at {told(facts.not_after)}"
    if now < facts.not_before:
        yield "NotYetValid", f"it is valid from {told(facts.not_before)} on"
    if missing := uncovered(spec.dns_names, facts):
        stands = ", ".join(facts.names) or "nobody"
        yield "NameMismatch", f"it does not stand for {', '.join(missing)}, but for {stands}"
    if facts.distrust:
        yield "IncorrectIssuer", f"issued by {facts.issuer}: {facts.distrust}"
    if due(spec, facts) <= now < facts.not_after:
        yield (
            "Expiring",
            f"it ends at {told(facts.not_after)}, and is due since {told(due(spec, facts))}",
        )


def stored_findings(spec: CertificateSpec, stored: Stored, now: datetime) -> Iterator[Finding]:
    """All that is wrong with a certificate that is stored with its key."""
    if stored.problem:
        yield stored.problem, stored.message
    elif stored.facts is not None:
        yield from findings(spec, stored.facts, now)


def due(spec: CertificateSpec, facts: Facts) -> datetime:
    """When a certificate is to be renewed."""
    return facts.not_after - spec.due_before(facts)


def uncovered(names: Iterable[str], facts: Facts) -> list[str]:
    """The names that a certificate does not stand for."""
    return [name for name in names if not any(_covers(one, name) for one in facts.names)]


def told(time: datetime) -> str:
    """A time for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def _covers(stands: str, name: str) -> bool:
    """Whether a name of a certificate stands for another: a star is one whole label (RFC 6125)."""
    stands, name = stands.lower(), name.lower()
    if stands == name:
        return True
    return stands.startswith("*.") and name.partition(".")[2] == stands[2:] and name[0] != "*"
