"""The end of an object: what it kept is undone first, then its finalizer is taken off."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from desired_state.objects import JsonObject, Mode, ObjectRef
from swarmkeeper.controller.acting import Acting
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.guard import ON_THE_WAY_OUT, Guard
from swarmkeeper.controller.names import ACTOR, FINALIZER
from swarmkeeper.controller.report import Report, Taken
from swarmkeeper.runtime.plan import Plan
from swarmkeeper.runtime.reconciler import Verification

GUARD: Final = Guard(ON_THE_WAY_OUT)


def finalize(deps: Deps, acting: Acting, report: Report) -> Report:
    """Undoes what the object kept, as its kind plans it; in mode Warn or Off it is left as it is."""
    target = acting.target
    if target.spec.mode is not Mode.ENFORCE:
        return replace(report, plan=Plan())
    reconciler = deps.reconcilers[target.ref.kind]
    plan = reconciler.finalize(target, reconciler.observe(target, deps.ports))
    taken: tuple[Taken, ...] = ()
    if acting.take(plan):
        plan = reconciler.finalize(target, reconciler.observe(target, deps.ports))
        taken = acting.close(plan)
    progress = "" if plan.in_sync else "being removed"
    verification = Verification((), healthy=None, message=progress, progress=progress)
    return replace(
        report,
        plan=plan,
        verification=verification,
        hold=acting.hold,
        error=acting.error,
        taken=taken,
    )


def finished(report: Report) -> bool:
    """Whether nothing is left to undo."""
    return report.error is None and report.plan is not None and report.plan.in_sync


def release(deps: Deps, ref: ObjectRef, stored: JsonObject) -> None:
    """Takes the finalizer off: the API then removes the object."""
    others = [name for name in stored["metadata"].get("finalizers", ()) if name != FINALIZER]
    deps.objects.patch(ref, {"metadata": {"finalizers": others}}, actor=ACTOR)
