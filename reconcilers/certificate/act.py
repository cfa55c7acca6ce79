"""Takes the steps."""

from __future__ import annotations

from reconcilers.certificate.memory import recalled
from reconcilers.certificate.pace import FORCED, pause
from reconcilers.certificate.spec import (
    AcmeIssuer,
    CertificateSpec,
    brought_of,
    ca_of,
    publication_of,
    trust_of,
)
from reconcilers.certificate.suggestion import SUGGESTED, is_exempt, replaces
from swarmkeeper.runtime.certificates import (
    Asked,
    Attempt,
    CertificateError,
    Certificates,
    Publication,
)
from swarmkeeper.runtime.errors import Retry, Stalled, Wait
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target

_FOR_HUMANS = frozenset({"InvalidCertificate", "InvalidKeyPair"})


def act(target: Target[CertificateSpec], action: Action, certificates: Certificates) -> str:
    """Takes one step; what it gives is for the trail.

    Raises:
        Retry: it can't be done now.
        Stalled: a human must do something about it.
    """
    steps = {"publish": _publish, "renew": _renew}
    try:
        return steps[action.runbook](target, action, certificates)
    except CertificateError as error:
        kind = Stalled if error.reason in _FOR_HUMANS else Retry
        raise kind(error.message, reason=error.reason) from error


def _publish(target: Target[CertificateSpec], _action: Action, certificates: Certificates) -> str:
    spec = target.spec
    if spec.files is None or spec.publish is None:
        raise Stalled("nothing is published for this object", reason="NotAllowed")
    where = publication_of(target.ref, spec.publish)
    fingerprint = certificates.publish(where, brought_of(spec.files))
    return f"published the certificate with the SHA-256 {fingerprint}"


def _renew(target: Target[CertificateSpec], action: Action, certificates: Certificates) -> str:
    spec = target.spec
    if spec.acme is None or spec.publish is None:
        raise Stalled("no certificate is ordered for this object", reason="NotAllowed")
    where = publication_of(target.ref, spec.publish)
    by_hand = str(action.parameters.get("run", ""))
    if not by_hand:
        _still_there(target, where, action, certificates)
    ca, present = ca_of(spec.acme), certificates.published(where, trust_of(spec)).facts
    attempts = recalled(target, certificates.attempts(ca, spec.dns_names, where))
    info = certificates.renewal_info(where, ca)
    told = replaces(spec, info, present, attempts)
    exempt = is_exempt(info, replaces=told, now=target.now)
    _hold(target, spec.acme, attempts, by_hand=by_hand, exempt=exempt)
    key = by_hand or f"{target.uid}.{action.before.get('serial')}.{target.now.isoformat()}"
    serial = certificates.issue(where, ca, spec.dns_names, Asked(key, told, exempt))
    why = f"; {action.reason}" if action.reason.startswith(SUGGESTED) else ""
    return f"{spec.acme.server} issued {serial}, and it is published{why}"


def _still_there(
    target: Target[CertificateSpec], where: Publication, action: Action, port: Certificates
) -> None:
    """Refuses to replace another certificate than the plan saw."""
    present = port.published(where, trust_of(target.spec)).facts
    serial = present.serial if present else None
    if serial != action.before["serial"]:
        raise Retry(f"another certificate is published now: {serial}", reason="Changed")


def _hold(
    target: Target[CertificateSpec],
    acme: AcmeIssuer,
    attempts: tuple[Attempt, ...],
    *,
    by_hand: str,
    exempt: bool,
) -> None:
    """Asks the ledger again: a CA that has been asked too often refuses all others too."""
    if by_hand:
        _hold_by_hand(target, acme, attempts, by_hand)
        return
    limit = None if exempt else acme.certificates_per_week
    held = pause(attempts, target.now, target.now, limit)
    if held is not None:
        raise Wait(held.message, reason=held.reason, after=held.until - target.now)


def _hold_by_hand(
    target: Target[CertificateSpec], acme: AcmeIssuer, attempts: tuple[Attempt, ...], key: str
) -> None:
    issued = tuple(one for one in attempts if one.serial)
    if any(one.key == key for one in issued):
        return
    held = pause(issued, target.now, None, min(FORCED, acme.certificates_per_week))
    if held is not None:
        raise Stalled(f"{held.message} by hand", reason=held.reason)
