"""Looking at one service: its spec, its tasks, the nodes, and the health URLs. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from desired_state.objects import Mode
from reconcilers.swarm_service.declared import References, declared_fields, needed
from reconcilers.swarm_service.document import TEMPLATE, dig
from reconcilers.swarm_service.fields import differing
from reconcilers.swarm_service.memory import is_remembered, update_state
from reconcilers.swarm_service.ownership import service_name
from reconcilers.swarm_service.parts import Health
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import counts
from swarmkeeper.runtime.ports import HttpProbe, Ports, ProbeError
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import Node, Resource, Service, Swarm, SwarmError, Task
from swarmkeeper.runtime.unknown import Unknown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Probe:
    """Answer of one health URL.

    Attributes:
        url: as asked, with the placeholders filled in.
        problem: what is wrong with the answer; empty if it is fine.
    """

    url: str
    problem: str


@dataclass(frozen=True, slots=True)
class Observed:
    """One service as it is now.

    Attributes:
        service: the service; None where the engine says that there is none.
        tasks: its tasks; empty where there is no service, None where they were not asked for.
        nodes: nodes by id.
        ids: ids of what the spec refers to.
        probes: answers of the health URLs; None where they were not asked.
    """

    service: Service | Unknown | None
    tasks: tuple[Task, ...] | Unknown | None = ()
    nodes: Mapping[str, Node] | Unknown = field(default_factory=dict)
    ids: References | Unknown = field(default_factory=References)
    probes: tuple[Probe, ...] | None = None

    def unknown(self) -> tuple[str, ...]:
        """What could not be read, and why."""
        parts = {
            "service": self.service,
            "tasks": self.tasks,
            "nodes": self.nodes,
            "references": self.ids,
        }
        return tuple(f"{n}: {p.reason}" for n, p in parts.items() if isinstance(p, Unknown))


def observe(target: Target[SwarmServiceSpec], ports: Ports) -> Observed:
    """Reads everything that plan and verify need; what can't be read is Unknown."""
    swarm = ports.swarm
    service = _read(lambda: swarm.service(service_name(target.ref, target.spec)))
    ids = _read(lambda: references(target.spec, swarm))
    if not isinstance(service, Service):
        return Observed(service, ids=ids)
    drifted = isinstance(ids, References) and _drifted(target, service, ids)
    if drifted and _in_a_hurry(target, service):
        return Observed(service, tasks=None, ids=ids)
    if not drifted and _networks_are_needed(target, service, ids):
        ids = _read(lambda: references(target.spec, swarm, also_networks=True))
    tasks = _read(lambda: swarm.tasks(service.id))
    nodes = _read(lambda: {node.id: node for node in swarm.nodes()})
    observed = Observed(service, tasks, nodes, ids)
    if target.spec.health is None or observed.unknown():
        return observed
    return replace(observed, probes=_ask(target.spec.health, observed, ports.http))


def references(spec: SwarmServiceSpec, swarm: Swarm, *, also_networks: bool = False) -> References:
    """Ids of what the spec refers to; asks the engine only for what is declared.

    Raises:
        SwarmError: the engine did not answer.
    """
    kinds: set[Resource] = {*needed(spec)}
    if also_networks:
        kinds.add("networks")
    return References(**{kind: swarm.ids(kind) for kind in sorted(kinds)})


def _read(call: Callable[[], T]) -> T | Unknown:
    try:
        return call()
    except SwarmError as error:
        return Unknown(str(error))


def _drifted(target: Target[SwarmServiceSpec], service: Service, ids: References) -> bool:
    fields = declared_fields(target.spec, target.declared, ids)
    return bool(differing(fields, service.spec))


def _in_a_hurry(target: Target[SwarmServiceSpec], service: Service) -> bool:
    """A drift that no earlier pass has seen is corrected first, and tasks and URLs are asked then."""
    seen_before = bool(target.status.get("drift")) or "replicas" not in target.status
    failed = update_state(service) in ("paused", "rollback_paused", "rollback_completed")
    return target.spec.mode is Mode.ENFORCE and not seen_before and not failed


def _networks_are_needed(
    target: Target[SwarmServiceSpec], service: Service, ids: References | Unknown
) -> bool:
    """What is remembered names networks: their ids do not outlive them."""
    attached = dig(service.spec, (*TEMPLATE, "Networks"), [])
    known = isinstance(ids, Unknown) or bool(ids.networks)
    return bool(attached) and not known and not is_remembered(target.memory, service.spec)


def _ask(health: Health, observed: Observed, http: HttpProbe) -> tuple[Probe, ...] | None:
    probes = []
    for url in _urls(health, observed):
        probes.append(Probe(url, _problem(health, url, http)))
        if probes[-1].problem:
            break  # one is enough; a pass must not wait for every dead task
    return tuple(probes) or None


def _problem(health: Health, url: str, http: HttpProbe) -> str:
    try:
        answer = http.get(url, timeout=health.timeout.total_seconds())
    except ProbeError as error:
        return str(error)
    if answer.status != health.expected_status:
        return f"status {answer.status}, expected {health.expected_status}"
    return ""


def _urls(health: Health, observed: Observed) -> Iterator[str]:
    for template in health.url:
        if "{taskAddress}" not in template and "{nodeAddress}" not in template:
            yield template
        else:
            yield from dict.fromkeys(_filled(template, observed))


def _filled(template: str, observed: Observed) -> Iterator[str]:
    tasks, nodes = observed.tasks, observed.nodes
    if not isinstance(tasks, tuple) or isinstance(nodes, Unknown):
        return
    for task in tasks:
        address = next(iter(task.addresses), "")
        if counts(task, nodes) and (address or "{taskAddress}" not in template):
            url = template.replace("{taskAddress}", _host(address))
            yield url.replace("{nodeAddress}", _host(nodes[task.node_id].address))


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
