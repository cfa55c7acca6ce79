"""The named procedures of a stream."""

from __future__ import annotations

from typing import Final

from swarmkeeper.runtime.plan import Risk
from swarmkeeper.runtime.runbook import Parameter, Runbook

RUNBOOKS: Final[tuple[Runbook, ...]] = (
    Runbook(
        "trim",
        "Removes the oldest entries that every group has read and acknowledged, down to maxLength; "
        "verified by the length.",
        Risk.LOW,
        revert="None is needed: all readers are done with what was removed.",
    ),
    Runbook(
        "drop",
        "Writes the oldest entries into a file and removes them, read or not, down to maxLength; "
        "verified by the length.",
        Risk.HIGH,
        revert="Add the entries of the file again; the trail names it.",
    ),
    Runbook(
        "claim",
        "Gives entries that were never acknowledged to another consumer, and forgets references to "
        "entries that are gone; verified by no entry being stuck.",
        Risk.MEDIUM,
        revert="None: the former consumer may still acknowledge them.",
        parameters=(
            Parameter("group", "Whose entries."),
            Parameter("consumer", "Who gets them; by default the consumer that asked last."),
        ),
    ),
)
