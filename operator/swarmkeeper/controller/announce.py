"""Events for people: one for each transition that matters, as a result, never as an intention. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from swarmkeeper.controller.guard import PENDING
from swarmkeeper.controller.report import Report, Taken
from swarmkeeper.controller.summary import BREAKER, ESCALATION
from swarmkeeper.runtime import conditions

NORMAL: Final = "Normal"
WARNING: Final = "Warning"
_SHOWN: Final = 5
_EXHAUSTED: Final = "all steps of spec.escalation were tried, and the object is not healthy"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event to be recorded.

    Attributes:
        type: Normal or Warning.
        reason: CamelCase, specific.
        message: for people.
    """

    type: str
    reason: str
    message: str


def announcements(
    previous: Mapping[str, Any], current: Mapping[str, Any], report: Report
) -> list[Announcement]:
    """What people should hear of a pass.

    Args:
        previous: status before the pass.
        current: status after it.
        report: what the pass found and did.
    """
    found = [_of_action(taken) for taken in report.taken]
    if report.request is not None and report.request.refusal:
        found.append(Announcement(WARNING, "RunbookRefused", report.request.refusal))
    if report.relapsed:
        found.append(Announcement(WARNING, "DidNotLast", report.relapsed))
    exhausted = report.escalation is not None and report.escalation.exhausted
    if exhausted and not previous.get(ESCALATION, {}).get("exhausted"):
        found.append(Announcement(WARNING, "EscalationExhausted", _EXHAUSTED))
    if BREAKER in previous and report.breaker is None:
        found.append(Announcement(NORMAL, "BreakerClosed", "actions are taken again"))
    found.extend(_of_approval(previous, report))
    found.extend(_of_drift(previous, current, report))
    for type_ in (conditions.STALLED, conditions.READY):
        found.extend(_of_condition(type_, previous, current))
    return _without_repeats(found)


def _of_action(taken: Taken) -> Announcement:
    why = "; ".join(str(diff) for diff in taken.drift[:_SHOWN]) or taken.action.reason
    if len(taken.drift) > _SHOWN:
        why += f"; and {len(taken.drift) - _SHOWN} more"
    reason = "".join(word.capitalize() for word in taken.action.runbook.split("-"))
    milliseconds = round(taken.seconds * 1000)
    return Announcement(
        NORMAL, f"{reason}Applied", f"{why}: {taken.outcome} (in {milliseconds} ms)"
    )


def _of_approval(previous: Mapping[str, Any], report: Report) -> list[Announcement]:
    """A plan that waits for approval: once for each different plan."""
    hold = report.waiting
    pending = hold.pending if hold is not None else None
    if hold is None or pending is None:
        return []
    if previous.get(PENDING, {}).get("hash") == pending["hash"]:
        return []
    return [Announcement(WARNING, hold.reason, hold.message)]


def _of_drift(
    previous: Mapping[str, Any], current: Mapping[str, Any], report: Report
) -> list[Announcement]:
    """Drift that was seen and not corrected: once for each different drift."""
    if report.hold is None or report.plan is None:
        return []
    if previous.get("drift") == current.get("drift"):
        return []
    why = "; ".join(str(diff) for diff in report.plan.drift[:_SHOWN])
    return [Announcement(WARNING, report.hold.reason, f"{why}: {report.hold.message}")]


def _of_condition(
    type_: str, previous: Mapping[str, Any], current: Mapping[str, Any]
) -> list[Announcement]:
    before = conditions.find(previous.get("conditions", ()), type_)
    after = conditions.find(current.get("conditions", ()), type_)
    if after is None:
        return []
    if before and all(before[key] == after[key] for key in ("status", "reason")):
        stalled_anew = type_ == conditions.STALLED and before["message"] != after["message"]
        if not stalled_anew:
            return []
    bad = type_ == conditions.STALLED or after["status"] == conditions.Status.FALSE
    lost = after["reason"] == conditions.OBSERVATION_FAILED
    return [Announcement(WARNING if bad or lost else NORMAL, after["reason"], after["message"])]


def _without_repeats(found: list[Announcement]) -> list[Announcement]:
    """A hold is heard once, though it shows both as drift and as a Ready transition."""
    kept: dict[tuple[str, str], Announcement] = {}
    for announcement in found:
        kept.setdefault((announcement.type, announcement.reason), announcement)
    return list(kept.values())
