"""Entries of an audit trail, written as the operator writes them."""

from __future__ import annotations

from typing import Any

from swarmkeeper.store.audit import AuditTrail, Entry, Step


def step(**fields: Any) -> Step:
    """A step, by default the scaling of one service."""
    known: dict[str, Any] = {
        "object": "SwarmService/web",
        "uid": "u1",
        "generation": 2,
        "revision": "main@sha1:abc",
        "reconcile_id": "r1",
        "runbook": "scale",
        "target": "service/web",
        "step": "k1",
        "reason": "spec.replicas is 5, want 3",
        "before": {"spec.replicas": 5},
        "after": {"spec.replicas": 3},
        "revert": "scale",
    }
    return Step(**known | fields)


def act(trail: AuditTrail, **fields: Any) -> str:
    """Writes the two entries of an action that went well, and gives its id."""
    action = trail.intend(step(**fields))
    done = {"outcome": "scaled to 3", "verification": "in sync"}
    trail.finish(action, Entry.SUCCEEDED, step(**fields), **done)
    return action
