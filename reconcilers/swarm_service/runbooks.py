"""The named procedures of a service."""

from __future__ import annotations

from typing import Final

from swarmkeeper.runtime.plan import Risk
from swarmkeeper.runtime.runbook import Parameter, Runbook

RUNBOOKS: Final[tuple[Runbook, ...]] = (
    Runbook(
        "scale",
        "Sets the number of replicas and nothing else; verified by counting tasks that run.",
        Risk.LOW,
        revert="scale",
        parameters=(
            Parameter("replicas", "How many, where no number is declared; by default that."),
        ),
    ),
    Runbook(
        "update",
        "Puts every declared field right in one write; verified by tasks that run the new spec.",
        Risk.MEDIUM,
        revert="rollback-service",
    ),
    Runbook(
        "settle",
        "Writes the service as it is, so that Swarm looks at it again: ends tasks beyond the number "
        "that it has forgotten; verified by counting tasks that run.",
        Risk.LOW,
        revert="None is needed: the spec stays the same.",
    ),
    Runbook(
        "restart",
        "Replaces all tasks by the update policy; verified by new tasks that run.",
        Risk.MEDIUM,
        revert="None is needed: the spec stays the same.",
        automatic=False,
    ),
    Runbook(
        "rollback-service",
        "Goes back to the spec before the last update; verified by tasks that run it. The loop then "
        "leaves the service as it is until the declaration changes or resume-update is asked for.",
        Risk.MEDIUM,
        revert="resume-update",
        automatic=False,
        leaves=("RolledBack",),
    ),
    Runbook(
        "resume-update",
        "Submits the declared spec again after an update was paused or rolled back.",
        Risk.MEDIUM,
        revert="rollback-service",
        automatic=False,
    ),
    Runbook(
        "create",
        "Creates the service from the declared fields, on top of the last good spec if one is known.",
        Risk.MEDIUM,
        revert="remove",
    ),
    Runbook(
        "adopt",
        "Marks an existing service as kept by this object: labels only, no task restarts.",
        Risk.LOW,
        revert="release",
    ),
    Runbook(
        "release",
        "Takes the operator's labels off; the service runs on.",
        Risk.LOW,
        revert="adopt",
    ),
    Runbook(
        "remove",
        "Removes the service and its tasks; verified by its absence.",
        Risk.HIGH,
        revert="create",
    ),
)
