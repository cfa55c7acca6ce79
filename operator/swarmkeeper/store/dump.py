"""A store as lines of JSON, the same for every database: what `store backup` writes for Postgres.

The first line says what follows, the last one how much it was, with a checksum:

    {"format": "swarmkeeper-store/1", "modules": {"audit": 5, …}, "tables": {"objects": ["revision", …], …}}
    ["objects", 1, "SwarmService", …]
    {"rows": 1, "sha256": "…"}

A value that is bytes in the database is `{"bytes": "…"}` here; all of ours are UTF-8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

import orjson

from swarmkeeper.store import audit, memory, object_rows
from swarmkeeper.store.sql import Cursor, DatabaseError, SqlDatabase

FORMAT: Final = "swarmkeeper-store/1"
SCHEMAS: Final = {
    "objects": object_rows.SCHEMA,
    "audit": audit.SCHEMA,
    "memory": memory.SCHEMA,
}
"""The migrations of every module."""
_TABLES: Final = ("objects", "objects_compaction", "audit_trail", "audit_head", "memory")
_SEEDED: Final = "objects_compaction"  # has a row in an empty store
_Row = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Content:
    """All that a store holds.

    Attributes:
        modules: version of the tables of each module.
        tables: the columns of each table.
        rows: name of the table and values, one by one.
    """

    modules: dict[str, int]
    tables: dict[str, list[str]]
    rows: Iterable[_Row]


def prepare(database: SqlDatabase) -> None:
    """Makes all tables, or brings them up to date."""
    for module, statements in SCHEMAS.items():
        database.migrate(module, statements)


def content(cursor: Cursor) -> Content:
    """What a store with all its tables holds, as a transaction sees it."""
    modules = dict(cursor.execute("SELECT module, version FROM schema_versions"))
    tables = {}
    for table in _TABLES:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - a name of ours
        tables[table] = [str(column[0]) for column in cursor.description]

    def rows() -> Iterator[_Row]:
        for table in _TABLES:
            for row in cursor.execute(f"SELECT * FROM {table} ORDER BY 1"):  # noqa: S608
                yield table, list(row)

    return Content({name: modules[name] for name in SCHEMAS}, tables, rows())


def write(found: Content, file: IO[bytes]) -> int:
    """Writes a store as lines, and gives the number of rows."""
    digest, count = hashlib.sha256(), 0
    header = {"format": FORMAT, "modules": found.modules, "tables": found.tables}
    file.write(line := orjson.dumps(header) + b"\n")
    digest.update(line)
    for table, row in found.rows:
        line = orjson.dumps([table, *map(_plain, row)]) + b"\n"
        file.write(line)
        digest.update(line)
        count += 1
    file.write(orjson.dumps({"rows": count, "sha256": digest.hexdigest()}) + b"\n")
    return count


def read(file: IO[bytes]) -> Content:
    """Reads what `write` wrote; the rows are checked when the last one was taken.

    Raises:
        DatabaseError: the file is something else; while its rows are read: it is not whole.
    """
    first = file.readline()
    header = _decoded(first)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DatabaseError(f"the file is neither a SQLite database nor {FORMAT}")
    return Content(header["modules"], header["tables"], _rows(file, first))


def _rows(file: IO[bytes], first: bytes) -> Iterator[_Row]:
    digest = hashlib.sha256(first)
    for count, line in enumerate(file):
        found = _decoded(line)
        if isinstance(found, dict):
            if found != {"rows": count, "sha256": digest.hexdigest()} or file.read(1):
                break
            return
        digest.update(line)
        yield found[0], [_value(one) for one in found[1:]]
    raise DatabaseError("the file is not whole: it ends too early, or was changed")


def load(found: Content, database: SqlDatabase) -> int:
    """Fills an empty store, all or nothing, and gives the number of rows.

    Raises:
        DatabaseError: the store is not empty, or the content does not fit.
    """
    for module, statements in SCHEMAS.items():
        database.migrate(module, statements[: found.modules[module]])
    with database.write() as cursor:
        for table in found.tables:
            _require_empty(cursor, table)
        count = 0
        for table, row in found.rows:
            cursor.execute(_insert(table, found.tables[table]), row)
            count += 1
    prepare(database)
    return count


def _require_empty(cursor: Cursor, table: str) -> None:
    if table not in _TABLES:
        raise DatabaseError(f"a newer version of the program wrote this: it has a table {table}")
    if table != _SEEDED:
        (count,) = cursor.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        if count:
            raise DatabaseError("the store is not empty: restore into a new one")
    cursor.execute(f"DELETE FROM {table}")  # noqa: S608


def _insert(table: str, columns: list[str]) -> str:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    if not all(name.isidentifier() for name in columns):
        raise DatabaseError(f"{names}: no columns of {table}")
    return f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names were checked


def _plain(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return {"bytes": value.decode()}
    except UnicodeDecodeError as error:
        raise DatabaseError(f"a value is no UTF-8: {error.reason}") from None


def _value(plain: Any) -> Any:
    return plain["bytes"].encode() if isinstance(plain, dict) else plain


def _decoded(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
