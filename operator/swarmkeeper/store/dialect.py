"""How Postgres says what SQLite says: all that differs between the two is here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

_TYPES: Final = (
    (re.compile(r"\bINTEGER PRIMARY KEY AUTOINCREMENT\b"), "BIGINT PRIMARY KEY"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    # Text is compared byte by byte in SQLite, whatever the language of the database.
    (re.compile(r"\bTEXT\b"), 'TEXT COLLATE "C"'),
    (re.compile(r"\bWITHOUT ROWID\b"), ""),
)


@lru_cache(maxsize=256)
def for_postgres(sql: str) -> str:
    """A statement as psycopg wants it."""
    if sql.lstrip().startswith(("CREATE TABLE", "ALTER TABLE")):
        for pattern, replacement in _TYPES:
            sql = pattern.sub(replacement, sql)
    return sql.replace("%", "%%").replace("?", "%s")


def values(parameters: Sequence[Any]) -> list[Any]:
    """Parameters as psycopg wants them: an enum that is a text goes as its text."""
    return [str(one) if isinstance(one, str) else one for one in parameters]
