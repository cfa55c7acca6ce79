"""What the operator's settings say on top of what each object declares."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkeeper.runtime.plan import Risk


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules for all objects.

    Attributes:
        approval_from: actions from this risk on need approval, whatever the object says; None: the
            object alone decides.
    """

    approval_from: Risk | None = None
