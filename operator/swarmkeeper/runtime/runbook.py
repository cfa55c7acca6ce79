"""Runbooks: the named procedures of a kind, which the loop uses and people can ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from desired_state.objects import Dependency
from swarmkeeper.runtime.plan import Risk


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a runbook that people may give.

    Attributes:
        name: camelCase.
        description: for `swarmkeeper runbook list`.
        required: whether the runbook refuses to run without it.
    """

    name: str
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """Other objects that must be well after a runbook.

    Attributes:
        objects: which; they must be Ready, by a look that was taken after the step.
        timeout: how long after the step they may take.
        delay: how long each must have been Ready without a break.
        way_back: what people can do where they don't become well, in words.
    """

    objects: tuple[Dependency, ...]
    timeout: timedelta
    delay: timedelta
    way_back: str


def no_checks(_spec: Any) -> None:
    """None: nothing else must be well."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A named procedure.

    Attributes:
        name: kebab-case, e.g. `rollback-service`.
        description: one sentence on what it does and how it is verified.
        risk: highest risk of its steps.
        revert: how it is undone: another runbook's name, or a sentence where none exists.
        parameters: inputs that people may give.
        automatic: whether the loop itself may choose it; otherwise only people may.
        leaves: reasons of failure that the object shows when the runbook has done what it is for.
        confirm: it needs a human's yes, whatever the object and the operator's settings say.
        health: by the spec: what else must be well before a run that people asked for has succeeded.
    """

    name: str
    description: str
    risk: Risk
    revert: str
    parameters: tuple[Parameter, ...] = ()
    automatic: bool = True
    leaves: tuple[str, ...] = ()
    confirm: bool = False
    health: Callable[[Any], HealthChecks | None] = no_checks
