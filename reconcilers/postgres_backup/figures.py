"""Figures of backups for Prometheus, as CloudNativePG names its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconcilers.postgres_backup.assess import LastDrill
from swarmkeeper.runtime.backups import Backup, Failure
from swarmkeeper.runtime.figures import Figure

_PREFIX: Final = "swarmkeeper_postgres_backup"


def figures(
    known: Sequence[Backup], bad: int, failure: Failure | None, last: LastDrill | None
) -> tuple[Figure, ...]:
    """All figures; what never was has no sample.

    Args:
        known: backups that count, newest first.
        bad: backups that do not.
        failure: the last attempt that failed.
        last: the last restore drill.
    """
    found = [
        Figure(f"{_PREFIX}_verified", "Backups that count.", len(known)),
        Figure(f"{_PREFIX}_damaged", "Backups that do not count.", bad),
    ]
    if failure is not None:
        text = "When a backup failed last."
        name = f"{_PREFIX}_last_failed_timestamp_seconds"
        found.append(Figure(name, text, failure.at.timestamp()))
    if last is not None and last.result.fault is None:
        at = last.result.at.timestamp()
        text = "When a backup was last restored for a trial, and was good."
        found += [
            Figure(f"{_PREFIX}_last_restore_tested_timestamp_seconds", text, at),
            Figure(f"{_PREFIX}_restore_seconds", "How long that took.", last.result.seconds),
        ]
    if known:
        newest, oldest = known[0], known[-1]
        seconds = (newest.finished_at - newest.taken_at).total_seconds()
        found += [
            Figure(
                f"{_PREFIX}_last_available_timestamp_seconds",
                "When the newest backup that counts was taken.",
                newest.taken_at.timestamp(),
            ),
            Figure(
                f"{_PREFIX}_first_recoverability_timestamp_seconds",
                "When the oldest backup that counts was taken.",
                oldest.taken_at.timestamp(),
            ),
            Figure(f"{_PREFIX}_size_bytes", "Size of the newest backup that counts.", newest.size),
            Figure(f"{_PREFIX}_duration_seconds", "How long the newest one took.", seconds),
        ]
    return tuple(found)
