"""What a CA's suggestion to renew (ARI, RFC 9773) means for a certificate. Pure.

It can only bring a renewal forward: it never delays one beyond `renewBefore`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.pace import FORCED, failures, spent
from reconcilers.certificate.policy import Finding, due, told, uncovered
from reconcilers.certificate.spec import CertificateSpec
from swarmkeeper.runtime.certificates import ALREADY_REPLACED, Attempt, Facts, RenewalInfo
from swarmkeeper.runtime.conditions import stamp
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.unknown import Unknown

SUGGESTED: Final = "ARIRenewal"
"""Reason of a renewal that only the CA wants now."""
_REFUSED: Final = frozenset({ALREADY_REPLACED, "OrderRefused"})


def due_by(target: Target[CertificateSpec], observed: Observed, facts: Facts) -> datetime:
    """When a certificate is to be renewed: by `renewBefore`, or before that by what the CA suggests."""
    latest = due(target.spec, facts)
    published = observed.published.facts if observed.published else None
    same = published is not None and published.fingerprint == facts.fingerprint
    info = observed.suggested
    if not same or not isinstance(info, RenewalInfo) or not _heeded(observed.attempts):
        return latest
    return min(latest, info.at)


def suggestion(target: Target[CertificateSpec], observed: Observed) -> Finding | None:
    """Why a certificate is to be renewed that is well otherwise, or None."""
    info, published = observed.suggested, observed.published
    present = published.facts if published else None
    if not isinstance(info, RenewalInfo) or present is None:
        return None
    if due_by(target, observed, present) > target.now:
        return None
    why = f": {info.explanation}" if info.explanation else ""
    window = f"between {told(info.start)} and {told(info.end)}"
    return SUGGESTED, f"the CA suggests to renew it {window}{why}"


def is_exempt(info: RenewalInfo | Unknown | None, *, replaces: bool, now: datetime) -> bool:
    """Whether the CA counts no order now: it replaces, and the CA suggests this very time."""
    return replaces and isinstance(info, RenewalInfo) and info.start <= now <= info.end


def replaces(
    spec: CertificateSpec,
    info: RenewalInfo | Unknown | None,
    present: Facts | None,
    attempts: tuple[Attempt, ...],
) -> bool:
    """Whether the CA is told which certificate an order replaces: one that it knows, for a common name.

    Not again where it has refused an order: it may have done so for that.
    """
    if not isinstance(info, RenewalInfo) or present is None:
        return False
    failed = failures(attempts)
    refused = bool(failed) and failed[-1].reason in _REFUSED
    return not refused and len(uncovered(spec.dns_names, present)) < len(spec.dns_names)


def fields(info: RenewalInfo | Unknown | None) -> JsonObject:
    """What the status tells about it."""
    if info is None:
        return {}
    if isinstance(info, Unknown):
        return {"renewalInfo": {"reason": "ARIError", "message": info.reason}}
    found: JsonObject = {
        "suggestedWindow": {"start": stamp(info.start), "end": stamp(info.end)},
        "selectedTime": stamp(info.at),
    }
    if info.explanation:
        found["explanationURL"] = info.explanation
    if info.problem:
        found |= {"reason": "ARIError", "message": info.problem}
    return {"renewalInfo": found}


def _heeded(attempts: tuple[Attempt, ...]) -> bool:
    """Whether a suggestion counts: a CA that always says *now* gets no order after the other."""
    return len(spent(attempts)) < FORCED
