"""The kind SwarmService: one service of the swarm, kept as declared."""

from __future__ import annotations

from typing import Final

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import READY_COLUMNS, Column, Kind, ScalePaths
from reconcilers.swarm_service import act as acting
from reconcilers.swarm_service import observe as observing
from reconcilers.swarm_service import plan as planning
from reconcilers.swarm_service import verify as verifying
from reconcilers.swarm_service.convergence import converge
from reconcilers.swarm_service.memory import memory_of, memory_of_rollback, update_state
from reconcilers.swarm_service.observe import Observed
from reconcilers.swarm_service.ownership import Owner, owner_of, service_name
from reconcilers.swarm_service.runbooks import RUNBOOKS
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import rollout
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target, Verification
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.unknown import Unknown

_READY, _STATUS, _AGE = READY_COLUMNS

KIND: Final = Kind(
    name="SwarmService",
    plural="swarmservices",
    spec=SwarmServiceSpec,
    short_names=("svc",),
    columns=(
        Column("Service", ".status.serviceName", description="Name in the swarm"),
        Column("Image", ".status.image", priority=1, description="Image as the swarm has it"),
        Column(
            "Desired", ".status.replicas.desired", "integer", description="Tasks that should run"
        ),
        Column("Running", ".status.replicas.running", "integer", description="Tasks that do run"),
        _READY,
        Column("Healthy", '.status.conditions[?(@.type=="Healthy")].status'),
        _STATUS,
        _AGE,
    ),
    description="Keeps one service of the swarm as declared, field by field.",
    scale=ScalePaths(status_replicas=".status.replicas.running"),
)


class SwarmServiceReconciler:
    """Keeps one service of the swarm as declared; see README.md."""

    kind = KIND
    runbooks = RUNBOOKS
    steady = True

    def signals(self, ref: ObjectRef, spec: SwarmServiceSpec) -> frozenset[str]:
        """The service itself, and the nodes: a node that dies takes tasks with it."""
        return frozenset((f"service/{service_name(ref, spec)}", "node"))

    def observe(self, target: Target[SwarmServiceSpec], ports: Ports) -> Observed:
        """Reads the service, its tasks, the nodes, and asks the health URLs."""
        return observing.observe(target, ports)

    def plan(self, target: Target[SwarmServiceSpec], observed: Observed) -> Plan:
        """At most `adopt` and one of `scale`, `update` and `create`."""
        return planning.plan(target, observed)

    def act(self, target: Target[SwarmServiceSpec], action: Action, ports: Ports) -> str:
        """Takes one step; see runbooks.py."""
        return acting.act(target, action, ports.swarm)

    def verify(self, target: Target[SwarmServiceSpec], observed: Observed) -> Verification:
        """Converged and Healthy, by tasks that run on nodes that can be believed."""
        return verifying.verify(target, observed)

    def finalize(self, target: Target[SwarmServiceSpec], observed: Observed) -> Plan:
        """`remove` or `release`, by the deletion policy; nothing for a service that is not ours."""
        return planning.finalize(target, observed)

    def remember(self, target: Target[SwarmServiceSpec], observed: Observed) -> JsonObject | None:
        """The full spec while it is good, so that a service that vanishes comes back whole."""
        service, tasks, nodes, ids = observed.service, observed.tasks, observed.nodes, observed.ids
        if (
            service is None
            or isinstance(service, Unknown)
            or isinstance(tasks, Unknown)
            or isinstance(nodes, Unknown)
            or isinstance(ids, Unknown)
            or owner_of(target, service) is not Owner.US
            or hold_of(service.spec, target.now) is not None
        ):
            return None
        if tasks is not None:
            count = rollout(service, tasks, nodes, target.now)
            if converge(target, service, ids, count).done:
                return memory_of(target.memory, service.spec, ids.networks)
        if update_state(service) in ("rollback_completed", "rollback_paused"):
            return memory_of_rollback(target, service)
        return None


RECONCILER: Final = SwarmServiceReconciler()
