"""Runbooks: the named procedures of a kind, which the loop uses and people can ask for."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    name: str
    description: str
    risk: Risk
    revert: str
    parameters: tuple[Parameter, ...] = ()
    automatic: bool = True
    leaves: tuple[str, ...] = ()
    confirm: bool = False
