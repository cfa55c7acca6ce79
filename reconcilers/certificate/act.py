"""Takes the steps."""

from __future__ import annotations

from reconcilers.certificate.spec import CertificateSpec, brought_of, publication_of
from swarmkeeper.runtime.certificates import CertificateError, Certificates
from swarmkeeper.runtime.errors import Retry, Stalled
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.reconciler import Target

_FOR_HUMANS = frozenset({"InvalidCertificate", "InvalidKeyPair"})


def act(target: Target[CertificateSpec], action: Action, certificates: Certificates) -> str:
    """Takes one step; what it gives is for the trail.

    Raises:
        Retry: it can't be done now.
        Stalled: a human must do something about it.
    """
    steps = {"publish": _publish}
    try:
        return steps[action.runbook](target, certificates)
    except CertificateError as error:
        kind = Stalled if error.reason in _FOR_HUMANS else Retry
        raise kind(error.message, reason=error.reason) from error


def _publish(target: Target[CertificateSpec], certificates: Certificates) -> str:
    spec = target.spec
    if spec.issuer is None or spec.publish is None:
        raise Stalled("nothing is published for this object", reason="NotAllowed")
    where = publication_of(target.ref, spec.publish)
    fingerprint = certificates.publish(where, brought_of(spec.issuer.files))
    return f"published the certificate with the SHA-256 {fingerprint}"
