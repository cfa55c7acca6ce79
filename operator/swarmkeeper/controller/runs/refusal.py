"""What makes a run impossible, whatever happens. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swarmkeeper.controller.runs.run import Run
from swarmkeeper.runtime.reconciler import Reconciler
from swarmkeeper.runtime.runbook import Runbook


def refusal(run: Run, reconcilers: Mapping[str, Reconciler[Any, Any]]) -> tuple[str, str] | None:
    """Reason and message of what can never be run, or None.

    Args:
        run: what is asked for.
        reconcilers: by kind name.
    """
    reconciler = reconcilers.get(run.spec.target.kind)
    if reconciler is None:
        known = _words(reconcilers)
        return "UnknownKind", f"spec.target.kind: no {run.spec.target.kind!r}: there are {known}"
    runbook = find(reconciler.runbooks, run.spec.runbook)
    if runbook is None:
        return "UnknownRunbook", unknown(run.spec.runbook, reconciler.runbooks)
    return _parameters(run, runbook)


def find(runbooks: Iterable[Runbook], name: str) -> Runbook | None:
    """The runbook of a name, or None."""
    return next((runbook for runbook in runbooks if runbook.name == name), None)


def unknown(name: str, runbooks: Iterable[Runbook]) -> str:
    """Says that a kind has no such runbook, and which it has."""
    names = ", ".join(known.name for known in runbooks)
    return f"there is no runbook {name!r}: there are {names}"


def _parameters(run: Run, runbook: Runbook) -> tuple[str, str] | None:
    known = {parameter.name for parameter in runbook.parameters}
    given = run.spec.parameters.keys()
    if strange := sorted(given - known):
        those = f"it takes {_words(known)}" if known else "it takes none"
        return "InvalidParameter", f"spec.parameters.{strange[0]}: {runbook.name} has none: {those}"
    required = {parameter.name for parameter in runbook.parameters if parameter.required}
    if missing := sorted(required - given):
        return "InvalidParameter", f"spec.parameters.{missing[0]}: {runbook.name} needs it"
    return None


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
