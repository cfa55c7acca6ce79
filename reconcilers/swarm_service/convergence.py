"""Is the world as declared, and if not: is that still coming, or has it failed? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from desired_state.fields import format_duration
from reconcilers.swarm_service.declared import References, declared_fields
from reconcilers.swarm_service.fields import differing, drift_of
from reconcilers.swarm_service.memory import update_state
from reconcilers.swarm_service.plan import blocked_by
from reconcilers.swarm_service.settings import mode_of
from reconcilers.swarm_service.spec import SwarmServiceSpec
from reconcilers.swarm_service.tasks import Rollout
from swarmkeeper.runtime.conditions import DRIFT_DETECTED
from swarmkeeper.runtime.reconciler import Target
from swarmkeeper.runtime.service_hold import hold_of
from swarmkeeper.runtime.swarm import Service

DEADLINE_EXCEEDED: Final = "ProgressDeadlineExceeded"
_SETTLING: Final = timedelta(seconds=5)
"""A global service without a task may simply be too young to have one."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """How far the world is from what is declared.

    Attributes:
        reason: CamelCase; `Converged` where it is as declared.
        message: for people.
        coming: Swarm is at work on it.
        failed: it is not coming.
    """

    reason: str
    message: str
    coming: bool = False
    failed: bool = False

    @property
    def done(self) -> bool:
        """Whether the world is as declared."""
        return self.reason == "Converged"


def converge(
    target: Target[SwarmServiceSpec], service: Service, ids: References, rollout: Rollout
) -> Convergence:
    """Judges a service that is there and was read in full, leaving time out."""
    fields = differing(declared_fields(target.spec, target.declared, ids), service.spec)
    blocked = blocked_by(target, service, ids, bool(fields), rollout.failures)
    if blocked is not None:
        return Convergence(*blocked, failed=True)
    if update_state(service) == "rollback_started":
        return Convergence("RollingBack", _with_errors("Swarm rolls back", rollout), coming=True)
    if fields:
        drift = drift_of(target, fields, service.spec)
        more = f" and {len(drift) - 1} more" if drift[1:] else ""
        return Convergence(DRIFT_DETECTED, f"{drift[0]}{more}")
    return _tasks(target, service, rollout)


def _tasks(target: Target[SwarmServiceSpec], service: Service, rollout: Rollout) -> Convergence:
    updating = update_state(service) == "updating"
    if rollout.no_image and not updating:
        return Convergence("ImageUnavailable", _with_errors(str(rollout), rollout), failed=True)
    if updating:
        updated = f"{rollout.updated}/{rollout.desired} up to date"
        return Convergence("Updating", _with_errors(updated, rollout), coming=True)
    if rollout.running > rollout.desired:
        return Convergence("TooManyTasks", str(rollout), coming=True)
    if rollout.updated < rollout.desired or _too_young(target, service, rollout):
        return Convergence("WaitingForTasks", _with_errors(str(rollout), rollout), coming=True)
    return Convergence("Converged", str(rollout))


def _too_young(target: Target[SwarmServiceSpec], service: Service, rollout: Rollout) -> bool:
    if rollout.desired or mode_of(service.spec) != "global":
        return False
    return target.now - datetime.fromisoformat(service.created_at) < _SETTLING


def _with_errors(text: str, rollout: Rollout) -> str:
    return f"{text}: {'; '.join(rollout.errors)}" if rollout.errors else text


def progress_of(
    target: Target[SwarmServiceSpec], service: Service, rollout: Rollout, found: Convergence
) -> Mapping[str, Any]:
    """`status.progress`: since when there has been none; empty where nothing is coming."""
    if not found.coming:
        return {}
    state = update_state(service)
    mark = f"{state} {rollout.updated}" if state == "updating" else state
    known: Mapping[str, Any] = target.status.get("progress") or {}
    if known.get("mark") == mark:
        return known
    return {"mark": mark, "since": target.now.isoformat(timespec="seconds")}


def held(target: Target[SwarmServiceSpec], service: Service, found: Convergence) -> Convergence:
    """The same, or that another object works on the service and what differs is its doing."""
    hold = hold_of(service.spec, target.now)
    return found if hold is None else Convergence("Held", str(hold), coming=True)


def with_deadline(
    target: Target[SwarmServiceSpec], found: Convergence, progress: Mapping[str, Any]
) -> Convergence:
    """The same, or failed where nothing has moved for longer than `progressDeadline`."""
    deadline = target.spec.progress_deadline
    if not progress or target.now - datetime.fromisoformat(progress["since"]) <= deadline:
        return found
    late = f"no progress for {format_duration(deadline)}, {found.message}"
    return Convergence(DEADLINE_EXCEEDED, late, failed=True)
