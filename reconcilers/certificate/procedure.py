"""Makes Traefik renew before its time: stop it, take the certificate out of its file, start it, look.

Where no new one is shown in time, it is stopped again, the old one is put back, and it is started. Each step
leaves its mark in the journal on the service together with what it does there, and what it does to the file
may be done twice: so any pass of any operator goes on where the last one was. None of them waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.forcing import DEFAULT, candidate, obstacle, unseen
from reconcilers.certificate.journal import Journal, Step, closed, entered, journal_of
from reconcilers.certificate.memory import recalled
from reconcilers.certificate.pace import FORCED, pause
from reconcilers.certificate.policy import uncovered
from reconcilers.certificate.spec import (
    CertificateSpec,
    TraefikIssuer,
    asked_of,
    endpoints_of,
    storage_of,
    trust_of,
)
from swarmkeeper.runtime.certificates import (
    INTERRUPTED,
    AcmeCa,
    Attempt,
    CertificateError,
    Facts,
    Served,
)
from swarmkeeper.runtime.errors import ReconcileError, Retry, Stalled, UnderWay, Wait
from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.ports import Ports
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.swarm import OutOfSequence, Refused, Service
from swarmkeeper.runtime.traefik_storage import Storage

_STOP: Final = timedelta(minutes=1)
"""How long Traefik may take to end, beyond its own grace."""
_ENDED: Final = frozenset({"complete", "failed", "shutdown", "rejected", "remove", "orphaned"})


def force(target: Target[CertificateSpec], action: Action, ports: Ports) -> str:
    """Begins a renewal, or takes it a step further.

    Raises:
        UnderWay: it goes on.
        Retry: it can't be begun now, or has failed and Traefik is as it was.
        Wait: another object works on Traefik.
        Stalled: it can't be done by hand.
    """
    traefik, storage, ca = target.spec.traefik, storage_of(target.spec), asked_of(target.spec)
    if traefik is None or storage is None or ca is None:
        raise Stalled("this object has no issuer.traefik.storage", reason="NotAllowed")
    service = ports.swarm.service(traefik.service)
    if service is None:
        raise Retry(f"there is no service {traefik.service}", reason="ServerMissing")
    journal = journal_of(service.spec)
    renewal = _Renewal(target, action, ports, traefik, storage, ca, service)
    try:
        if journal is None:
            return renewal.begin()
        if journal.object != str(target.ref):
            raise Wait(f"{journal.object} renews", reason="Held", after=timedelta(minutes=1))
        return renewal.go_on(journal)
    except CertificateError as error:
        raise Retry(error.message, reason=error.reason) from error
    except OutOfSequence as error:
        if journal is not None:
            raise UnderWay(f"others keep changing the service: {error}") from error
        raise Retry(f"others keep changing the service: {error}", reason="WorldMoved") from error
    except Refused as error:
        raise Retry(str(error), reason="Refused") from error


@dataclass(frozen=True, slots=True)
class _Renewal:
    target: Target[CertificateSpec]
    action: Action
    ports: Ports
    traefik: TraefikIssuer
    storage: Storage
    ca: AcmeCa
    service: Service

    @property
    def run(self) -> str:
        return str(self.action.parameters.get("run", ""))

    def begin(self) -> str:
        if "resume" in self.action.parameters:
            return "had ended already"
        served = self.look()
        facts = candidate(served, self.ports.traefik.certificates(self.storage))
        if facts is None:
            raise self.refuse("NotInStorage", "what is shown is not in Traefik's file")
        key = self.run or f"{self.target.uid}.{facts.serial}.{self.action.parameters['at']}"
        attempts = recalled(self.target, self.ports.certificates.attempts(self.ca, facts.names))
        for known in attempts:
            if known.key == key and known.serial:
                return f"Traefik had renewed: {known.serial}"
            if known.key == key and known.reason != INTERRUPTED:
                raise self.refuse(known.reason, known.message)
        self.require_leave(attempts, facts, served)
        now = self.target.now
        self.ports.traefik.back_up(self.storage, facts.serial, key)
        attempt = Attempt(now, key, reason=INTERRUPTED, message="it did not end")
        self.ports.certificates.note(self.ca, facts.names, attempt)
        journal = Journal(
            object=str(self.target.ref),
            key=key,
            by_hand=bool(self.run),
            serial=facts.serial,
            names=facts.names,
            replicas=1,
            at=now,
            step=Step.STOP,
            until=now + self.stop_time,
        )
        raise self.enter(None, journal)

    def require_leave(
        self, attempts: tuple[Attempt, ...], facts: Facts, served: tuple[Served, ...]
    ) -> None:
        if not self.run and facts.serial != self.action.before["serial"]:
            raise Retry(f"another certificate is shown now: {facts.serial}", reason="Changed")
        found = obstacle(self.target, self.service) or unseen(served)
        if found is not None:
            raise self.refuse(*found)
        counted = tuple(one for one in attempts if one.serial) if self.run else attempts
        held = pause(counted, self.target.now, facts.not_after, FORCED)
        if held is not None:
            raise self.refuse(held.reason, held.message)

    def go_on(self, journal: Journal) -> str:
        steps = {
            Step.STOP: self.stopping,
            Step.START: self.starting,
            Step.STOP_AGAIN: self.stopping_again,
            Step.RESTORE: self.restoring,
        }
        replicas = (self.service.spec["Mode"].get("Replicated") or {}).get("Replicas", 0)
        if (replicas == 0) is not journal.stopped and self.target.now <= journal.until:
            raise self.enter(journal, journal)  # somebody has scaled it meanwhile
        return steps[journal.step](journal)

    def stopping(self, journal: Journal) -> str:
        late = self.target.now > journal.until
        if not late and not self.ended():
            raise UnderWay("Traefik is being stopped")
        if late and not self.ended():
            raise self.give_up(journal, Step.RESTORE, "NotStopped", "Traefik did not end in time")
        try:
            self.ports.traefik.take_out(self.storage, journal.serial, journal.key)
        except CertificateError as error:
            raise self.give_up(journal, Step.RESTORE, error.reason, error.message) from error
        until = self.target.now + self.traefik.issuance_timeout
        raise self.enter(journal, replace(journal, step=Step.START, until=until))

    def starting(self, journal: Journal) -> str:
        served = self.look()
        if self.renewed(served, journal):
            return self.succeed(journal, served)
        if self.target.now <= journal.until:
            raise UnderWay(f"Traefik shows no new certificate yet: {_shown(served)}")
        message = f"Traefik showed no new certificate in time: {_shown(served)}"
        raise self.give_up(journal, Step.STOP_AGAIN, "NotRenewed", message)

    def stopping_again(self, journal: Journal) -> str:
        if not self.ended():
            if self.target.now <= journal.until:
                raise UnderWay("Traefik is being stopped again")
            message = f"{journal.message}; it could not be stopped to put the old one back"
            raise self.give_up(journal, Step.RESTORE, journal.reason, message)
        message = journal.message
        try:
            self.ports.traefik.put_back(self.storage, journal.serial, journal.key)
        except CertificateError as error:
            message = f"{message}; the old one could not be put back: {error.message}"
        raise self.give_up(journal, Step.RESTORE, journal.reason, message)

    def restoring(self, journal: Journal) -> str:
        served = self.look()
        if self.renewed(served, journal):
            return self.succeed(journal, served)
        if _shows(served, journal.serial):
            message = f"{journal.message}; the old one is shown again"
        elif self.target.now <= journal.until:
            raise UnderWay(f"Traefik does not show the old certificate yet: {_shown(served)}")
        else:
            message = f"{journal.message}; the old one is not shown: {_shown(served)}"
        attempt = Attempt(journal.at, journal.key, reason=journal.reason, message=message)
        self.ports.certificates.note(self.ca, journal.names, attempt)
        self.close(journal)
        raise self.refuse(journal.reason, message)

    def succeed(self, journal: Journal, served: tuple[Served, ...]) -> str:
        serial = next(one.facts.serial for one in served if isinstance(one.facts, Facts))
        attempt = Attempt(journal.at, journal.key, serial=serial)
        self.ports.certificates.note(self.ca, journal.names, attempt)
        self.close(journal)
        return f"Traefik has renewed {journal.serial}: it shows {serial}"

    def give_up(self, journal: Journal, step: Step, reason: str, message: str) -> UnderWay:
        stop = step is Step.STOP_AGAIN
        until = self.target.now + (self.stop_time if stop else self.traefik.issuance_timeout)
        return self.enter(
            journal, replace(journal, step=step, until=until, reason=reason, message=message)
        )

    def enter(self, before: Journal | None, journal: Journal) -> UnderWay:
        """Begins a step: what it does to the service, and the mark of it, in one write."""

        def change(fresh: Service) -> JsonObject | None:
            self.require_unmoved(fresh, before)
            if before is None and (found := obstacle(self.target, fresh)) is not None:
                raise self.refuse(*found)
            return entered(fresh.spec, journal)

        self.ports.swarm.update(self.service.name, change)
        return UnderWay(f"renewing {journal.serial}: {journal.step}")

    def close(self, journal: Journal) -> None:
        def change(fresh: Service) -> JsonObject | None:
            self.require_unmoved(fresh, journal)
            return closed(fresh.spec)

        self.ports.swarm.update(self.service.name, change)

    def require_unmoved(self, fresh: Service, journal: Journal | None) -> None:
        if journal_of(fresh.spec) != journal:
            raise Retry(f"service {fresh.name} was changed meanwhile", reason="WorldMoved")

    def look(self) -> tuple[Served, ...]:
        spec = self.target.spec
        timeout = spec.probe_timeout.total_seconds()
        port = self.ports.certificates
        return port.served(endpoints_of(spec), trust_of(spec), timeout=timeout)

    def renewed(self, served: tuple[Served, ...], journal: Journal) -> bool:
        """Whether every address shows a new certificate that stands for the names."""
        return all(
            isinstance(one.facts, Facts)
            and one.facts.serial != journal.serial
            and one.facts.subject != DEFAULT
            and one.facts.not_after > self.target.now
            and not uncovered(self.target.spec.dns_names, one.facts)
            for one in served
        )

    def ended(self) -> bool:
        """Whether no task can still write the file; what a dead node runs is not known to have ended."""
        return all(task.state in _ENDED for task in self.ports.swarm.tasks(self.service.id))

    @property
    def stop_time(self) -> timedelta:
        container = self.service.spec["TaskTemplate"].get("ContainerSpec") or {}
        return _STOP + timedelta(microseconds=container.get("StopGracePeriod", 0) / 1000)

    def refuse(self, reason: str, message: str) -> ReconcileError:
        """A request is refused once; a plan is made anew."""
        by_hand = self.run and "resume" not in self.action.parameters
        return Stalled(message, reason=reason) if by_hand else Retry(message, reason=reason)


def _shows(served: tuple[Served, ...], serial: str) -> bool:
    return all(isinstance(one.facts, Facts) and one.facts.serial == serial for one in served)


def _shown(served: tuple[Served, ...]) -> str:
    """What is shown, for people."""
    found = {
        f"{one.endpoint}: {one.facts.serial if one.facts.subject != DEFAULT else 'the default one'}"
        if isinstance(one.facts, Facts)
        else f"{one.endpoint}: {one.facts.reason}"
        for one in served
    }
    return ", ".join(sorted(found))
