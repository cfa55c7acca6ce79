"""What is remembered of orders, beside the ledger in the data folder. Pure.

Another operator on the same store that takes over has this memory, and not that folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from desired_state.objects import JsonObject
from reconcilers.certificate.spec import CertificateSpec, asked_of
from swarmkeeper.runtime.certificates import Attempt
from swarmkeeper.runtime.reconciler import Target

WEEK: Final = timedelta(days=7)


def recalled(target: Target[CertificateSpec], attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """The attempts of the ledger and those that are remembered, oldest first."""
    if asked_of(target.spec) is None:
        return ()
    memory = target.memory or {}
    same = memory.get("asked") == _asked(target.spec)
    remembered = [_read(one) for one in memory.get("attempts", [])] if same else []
    known = {one.time: one for one in (*remembered, *attempts)}
    return tuple(known[time] for time in sorted(known) if time > target.now - WEEK)


def remembered(target: Target[CertificateSpec], attempts: tuple[Attempt, ...]) -> JsonObject | None:
    """What to keep; None where nothing has changed."""
    if not attempts:
        return None
    found: JsonObject = {
        "asked": _asked(target.spec),
        "attempts": [_written(one) for one in attempts],
    }
    return None if found == target.memory else found


def _asked(spec: CertificateSpec) -> JsonObject:
    ca = asked_of(spec)
    return {"server": ca.server if ca else "", "names": sorted(spec.dns_names)}


def _written(attempt: Attempt) -> JsonObject:
    after = attempt.retry_after
    return {
        "time": attempt.time.isoformat(),
        "key": attempt.key,
        "serial": attempt.serial,
        "reason": attempt.reason,
        "message": attempt.message,
        "retryAfter": after.isoformat() if after else None,
        "order": attempt.order,
        "exempt": attempt.exempt,
    }


def _read(document: JsonObject) -> Attempt:
    after = document["retryAfter"]
    return Attempt(
        datetime.fromisoformat(document["time"]),
        document["key"],
        document["serial"],
        document["reason"],
        document["message"],
        datetime.fromisoformat(after) if after else None,
        document.get("order", ""),
        exempt=document.get("exempt", False),
    )
