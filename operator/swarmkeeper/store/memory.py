"""What kinds remember between passes, by object: say, the last good spec of a service as a way back.

It is kept apart from the status because it may be large and is of no interest to people.
"""

from __future__ import annotations

import threading
from typing import Final

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.store.sql import SqlDatabase

SCHEMA: Final = ("CREATE TABLE memory (uid TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",)
"""The migrations of the table."""
_PUT: Final = (
    "INSERT INTO memory VALUES (?, ?) ON CONFLICT (uid) DO UPDATE SET value = excluded.value"
)


class Memory:
    """One JSON document an object, by the object's uid.

    Args:
        database: where the rows lie.
    """

    def __init__(self, database: SqlDatabase) -> None:
        database.migrate("memory", SCHEMA)
        self._database = database
        self._lock = threading.Lock()
        self._rows: dict[str, bytes] = dict(database.read("SELECT uid, value FROM memory", ()))

    def get(self, uid: str) -> JsonObject | None:
        """What was remembered for an object, or None."""
        with self._lock:
            value = self._rows.get(uid)
        return None if value is None else dict(orjson.loads(value))

    def put(self, uid: str, document: JsonObject) -> None:
        """Remembers a document; the same document again writes nothing."""
        value = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        with self._lock:
            if self._rows.get(uid) == value:
                return
        with self._database.write() as cursor:
            cursor.execute(_PUT, (uid, value))
        with self._lock:
            self._rows[uid] = value

    def forget(self, uid: str) -> None:
        """Drops what was remembered for an object that is gone."""
        with self._lock:
            if self._rows.pop(uid, None) is None:
                return
        with self._database.write() as cursor:
            cursor.execute("DELETE FROM memory WHERE uid = ?", (uid,))
