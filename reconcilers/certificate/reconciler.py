"""The kind Certificate."""

from __future__ import annotations

from typing import Final

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import READY_COLUMNS, Column, Kind
from reconcilers.certificate import act as acting
from reconcilers.certificate import forcing, procedure, traefik
from reconcilers.certificate import observe as observing
from reconcilers.certificate import plan as planning
from reconcilers.certificate import verify as verifying
from reconcilers.certificate.memory import remembered
from reconcilers.certificate.observe import Observed
from reconcilers.certificate.runbooks import RUNBOOKS
from reconcilers.certificate.spec import CertificateSpec
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.unknown import Unknown

KIND: Final = Kind(
    name="Certificate",
    plural="certificates",
    spec=CertificateSpec,
    short_names=("cert", "certs"),
    columns=(
        Column("Name", ".spec.dnsNames[0]", description="First name that it stands for"),
        Column("Ends", ".status.notAfter", description="When what is shown ends"),
        Column("Renewal", ".status.renewalTime", description="When it is due"),
        *READY_COLUMNS,
    ),
    description="Keeps the certificates that servers show valid, and renewed in time.",
)


class CertificateReconciler:
    """Keeps one certificate; see README.md."""

    kind = KIND
    runbooks = RUNBOOKS
    steady = False  # certificates end by the mere passing of time

    def signals(self, ref: ObjectRef, spec: CertificateSpec) -> frozenset[str]:
        """Of Traefik's service; nobody tells what a server shows: the interval looks."""
        return frozenset({f"service/{spec.traefik.service}"} if spec.traefik else ())

    def observe(self, target: Target[CertificateSpec], ports: Ports) -> Observed:
        """Asks every endpoint, and reads the files."""
        return observing.observe(target, ports)

    def plan(self, target: Target[CertificateSpec], observed: Observed) -> Plan:
        """`publish` for one that was brought; for one that is due the issuer's own step."""
        return planning.plan(target, observed)

    def act(self, target: Target[CertificateSpec], action: Action, ports: Ports) -> str:
        """Takes one step; see runbooks.py."""
        if action.runbook == forcing.FORCE:
            return procedure.force(target, action, ports)
        if action.runbook == traefik.RESTART:
            return traefik.restart(target, action, ports.swarm)
        return acting.act(target, action, ports.certificates)

    def verify(self, target: Target[CertificateSpec], observed: Observed) -> Verification:
        """Served and Issuing."""
        return verifying.verify(target, observed)

    def finalize(self, target: Target[CertificateSpec], observed: Observed) -> Plan:
        """Nothing but to end a renewal that is under way: servers go on showing what was published."""
        if target.spec.traefik is None or target.spec.traefik.storage is None:
            return Plan()
        if isinstance(observed.server, Unknown):
            return Plan(unknown=(observed.server.reason,))
        return planning.renewal_under_way(target, observed) or Plan()

    def remember(self, target: Target[CertificateSpec], observed: Observed) -> JsonObject | None:
        """The orders of the last week, for an operator that takes over elsewhere."""
        return remembered(target, observed.attempts)


RECONCILER: Final = CertificateReconciler()
