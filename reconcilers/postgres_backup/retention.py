"""Which backups may go. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconcilers.postgres_backup.spec import Retention
from swarmkeeper.runtime.backups import SKEW, Backup


def expired(known: Sequence[Backup], retention: Retention, now: datetime) -> tuple[str, ...]:
    """Names of backups that may be removed, oldest last.

    The newest one stays, as do those that are pinned, and as many as minimumRedundancy says. Nothing
    goes while the server's clock and ours disagree: then no age is known.

    Args:
        known: backups that count, newest first; others are never removed.
        retention: what is kept.
        now: timezone-aware.
    """
    if retention.keep_last is None and retention.keep_for is None:
        return ()
    if not known or abs(known[0].skew) > SKEW.total_seconds():
        return ()
    floor = max(retention.minimum_redundancy, retention.keep_last or 0, 1)
    return tuple(
        backup.name
        for backup in known[floor:]
        if not backup.pinned
        and (retention.keep_for is None or now - backup.taken_at > retention.keep_for)
    )
