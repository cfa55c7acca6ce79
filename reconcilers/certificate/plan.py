"""Decides what to do about a certificate. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from desired_state.windows import next_opening
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.policy import stored_findings
from reconcilers.certificate.spec import CertificateSpec
from swarmkeeper.runtime.certificates import Facts
from swarmkeeper.runtime.diff import ABSENT, FieldDiff
from swarmkeeper.runtime.plan import Action, Plan, Risk
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.unknown import Unknown

MARGIN: Final = timedelta(hours=1)
"""A window that opens later than this before a certificate's end is too late to wait for."""


def plan(target: Target[CertificateSpec], observed: Observed) -> Plan:
    """The drift, and the steps that correct it."""
    if isinstance(observed.served, Unknown):
        return Plan(unknown=(observed.served.reason,))
    steps = tuple(_publications(target, observed))
    return Plan(drift=tuple(_drift(target, steps)), actions=steps)


def urgent(target: Target[CertificateSpec], facts: Facts | None) -> bool:
    """Whether no window opens in time: a certificate must not end because nobody might renew it."""
    if facts is None or not target.spec.windows:
        return False
    opening = next_opening(target.spec.windows, target.now)
    return opening is None or opening > facts.not_after - min(MARGIN, facts.lifetime / 10)


def usable(spec: CertificateSpec, observed: Observed, now: datetime) -> Facts | None:
    """The certificate that was brought, if servers may show it: one that is merely due is."""
    brought = observed.brought
    if brought is None:
        return None
    bad = [reason for reason, _ in stored_findings(spec, brought, now) if reason != "Expiring"]
    return None if bad else brought.facts


def _publications(target: Target[CertificateSpec], observed: Observed) -> Iterator[Action]:
    published = observed.published
    wanted = usable(target.spec, observed, target.now)
    if published is None or wanted is None:
        return
    present = published.facts
    if present is not None and present.fingerprint == wanted.fingerprint:
        return
    yield Action(
        "publish",
        f"certificate/{target.ref.name}",
        before={"serial": present.serial if present else None},
        after={"serial": wanted.serial},
        reason=f"{_why(published.problem, present)}: one that ends at {wanted.not_after} was brought",
        risk=Risk.LOW,
        parameters={"fingerprint": wanted.fingerprint},
        urgent=urgent(target, present),
    )


def _why(problem: str, present: Facts | None) -> str:
    if present is None:
        return f"none that can be used is published ({problem})"
    return f"the published one ends at {present.not_after}"


def _drift(target: Target[CertificateSpec], steps: tuple[Action, ...]) -> Iterator[FieldDiff]:
    path = "spec.issuer.files"
    for step in steps:
        got = step.before["serial"] or ABSENT
        yield FieldDiff(path, step.after["serial"], got, target.origin_of(path))
