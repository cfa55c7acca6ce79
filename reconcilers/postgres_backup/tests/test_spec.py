"""What people may declare about backups, and what they are told when it makes no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconcilers.postgres_backup.spec import PostgresBackupSpec

MINIMAL: dict[str, Any] = {
    "server": {"host": "db", "database": "orders"},
    "folder": "/backups/orders",
    "maximumAge": "24h",
}


def spec(**fields: Any) -> PostgresBackupSpec:
    return PostgresBackupSpec.model_validate({**MINIMAL, **fields})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "tar"}, "tar is refused"),
        ({"folder": "backups"}, "no absolute path"),
        ({"folder": "/backups/../etc"}, "no absolute path"),
        ({"maximumAge": None}, "neither schedule nor maximumAge"),
        ({"schedule": "3 o'clock"}, "is not a schedule"),
        ({"timeZone": "Mars/Olympus"}, "is not a time zone"),
        ({"jobs": 4}, "jobs needs the format directory"),
        ({"format": "plain", "compression": "gzip"}, "compressed by zstd"),
        ({"format": "plain", "restore": {"method": "InPlace"}}, "InPlace needs the format"),
        ({"restore": {"healthDelay": "10m"}}, "healthDelay must be shorter"),
        ({"compression": "brotli"}, "compression"),
        ({"expectedTables": ["orders"]}, "write schema.table"),
        ({"retention": {"minimumRedundancy": 0}}, "greater than or equal to 1"),
        ({"server": {"host": "db", "database": "orders", "password": "secret"}}, "password"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_makes_no_sense_is_refused_with_a_reason(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        spec(**fields)


@pytest.mark.parametrize(
    ("taken", "fires"),
    [
        ("2026-01-01T05:59:00", "2026-01-01T06:00:00"),
        ("2026-01-01T06:00:00", "2026-01-02T06:00:00"),
    ],
)
def test_a_schedule_goes_by_the_clock_of_its_zone(taken: str, fires: str) -> None:
    declared = spec(schedule="0 3 * * *", timeZone="America/Sao_Paulo")

    found = declared.due_after(datetime.fromisoformat(taken).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(fires).replace(tzinfo=UTC)
