"""The audit trail: every action of the operator, append-only and hash-chained.

An action is written twice at least: `intended` before anything is touched, and an outcome after the
world was looked at again. Both entries carry the action's id; the intent is durable before the step
begins, so after a crash an action without an outcome is known and is resumed or closed, never
repeated blindly. Each entry's hash covers the entry and the hash before it: a changed or removed row
breaks the chain.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson

from swarmkeeper.runtime.plan import Action
from swarmkeeper.runtime.redaction import Redactor
from swarmkeeper.store.audit_chain import GENESIS, digest
from swarmkeeper.store.sql import Cursor, SqlDatabase

_START: Final = (0, GENESIS)
SCHEMA: Final = (
    """
    CREATE TABLE audit_trail (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, action TEXT NOT NULL,
        entry TEXT NOT NULL, uid TEXT NOT NULL, step TEXT NOT NULL,
        document BLOB NOT NULL, hash TEXT NOT NULL
    )
    """,
    "CREATE INDEX audit_trail_uid ON audit_trail (uid, entry, at)",
    "CREATE INDEX audit_trail_action ON audit_trail (action)",
    "CREATE TABLE audit_head (seq INTEGER NOT NULL, hash TEXT NOT NULL)",
    "INSERT INTO audit_head SELECT seq, hash FROM audit_trail ORDER BY seq DESC LIMIT 1",
    "CREATE INDEX audit_trail_entry ON audit_trail (entry, at)",
    "ALTER TABLE audit_trail ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX audit_trail_name ON audit_trail (name, seq)",
)
"""The migrations of the tables."""
_HEAD: Final = "SELECT seq, hash FROM audit_head"
_CHAIN: Final = (
    "SELECT seq, at, action, entry, document, hash, uid, step, name FROM audit_trail ORDER BY seq"
)
_PART: Final = (
    "SELECT seq, at, action, entry, document, hash FROM audit_trail"
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)
_NAMELESS: Final = "SELECT seq, document FROM audit_trail WHERE name = '' ORDER BY seq LIMIT ?"
_PAGE: Final = 500
_OPEN: Final = (
    "SELECT seq, at, action, entry, document, hash FROM audit_trail WHERE entry = ? AND action"
    " NOT IN (SELECT action FROM audit_trail WHERE entry IN (?, ?, ?, ?)) ORDER BY seq"
)
_BEGUN: Final = (
    "SELECT seq, at, action, entry, document, hash FROM audit_trail"
    " WHERE uid = ? AND entry = ? AND at >= ? ORDER BY seq"
)
_HISTORY: Final = (
    "SELECT seq, at, action, entry, document, hash FROM audit_trail"
    " WHERE uid = ? AND entry IN (?, ?, ?, ?, ?, ?) AND at >= ? ORDER BY seq"
)
_LATEST: Final = (
    "SELECT seq, at, action, entry, document, hash FROM audit_trail"
    " WHERE uid = ? AND step = ? ORDER BY seq DESC LIMIT 1"
)
_APPROVALS_USED: Final = (
    "SELECT count(DISTINCT action) FROM audit_trail WHERE uid = ? AND entry = ? AND action IN"
    " (SELECT action FROM audit_trail AS taken WHERE taken.action = audit_trail.action"
    " AND taken.entry IN (?, ?))"
)


class Entry(StrEnum):
    """What an entry says about its action."""

    INTENDED = "Intended"
    """About to be taken."""
    RESUMED = "Resumed"
    """An interrupted action is taken up again."""
    SUCCEEDED = "Succeeded"
    """Taken, and a fresh look at the world agrees."""
    APPLIED = "Applied"
    """Taken; the world does not show it yet, or shows something else."""
    FAILED = "Failed"
    """Not taken, or refused."""
    SUPERSEDED = "Superseded"
    """Interrupted, and no longer wanted when it was found."""
    APPROVED = "Approved"
    """About to be taken because people have approved it."""
    RELAPSED = "Relapsed"
    """Succeeded, and was undone or did harm soon after."""


_BEGINNINGS: Final = (Entry.INTENDED, Entry.RESUMED)
OUTCOMES: Final = (Entry.SUCCEEDED, Entry.APPLIED, Entry.FAILED, Entry.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Step:
    """Who does what to what, and why: the part that all entries of an action share.

    Attributes:
        object: e.g. `SwarmService/orchestrator`.
        uid: identity of the object.
        generation: of its spec.
        revision: of the source, e.g. `main@sha1:…`; empty for an object made by hand.
        reconcile_id: of the pass.
        runbook: e.g. `scale`.
        target: e.g. `service/agentes_ai_orchestrator`.
        step: key of the step: equal for equal inputs.
        reason: for people.
        before: touched fields as observed, secrets masked: the way back.
        after: the same fields as they should become.
        revert: how it is undone.
    """

    object: str
    uid: str
    generation: int
    revision: str
    reconcile_id: str
    runbook: str
    target: str
    step: str
    reason: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    revert: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as stored.

    Attributes:
        seq: position in the chain.
        at: when, RFC 3339 UTC with microseconds.
        action: id of the action.
        entry: what is said.
        step: the action.
        outcome: result or error, for people.
        verification: what the fresh look showed.
        hash: SHA-256 over the entry and the hash before it.
    """

    seq: int
    at: str
    action: str
    entry: Entry
    step: Step
    outcome: str
    verification: str
    hash: str


class AuditTrail:
    """The chain.

    Args:
        database: where the rows lie.
        now: timezone-aware time.
        fence: raises where this operator may not begin anything; called in the transaction of the
            entry that says so.
        redact: takes secrets out of reasons, outcomes and verifications.
    """

    def __init__(
        self,
        database: SqlDatabase,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        fence: Callable[[Cursor], None] = lambda _: None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        migrate(database)
        self._database = database
        self._now = now
        self._fence = fence
        self._redact = redact or Redactor().text
        self._lock = threading.Lock()
        self._open = {row.action: row for row in self._load_open()}
        self._under_way: dict[str, Action] = {}

    def intend(self, step: Step) -> str:
        """Writes durably that a step is about to be taken, and gives the action's id."""
        action = uuid.uuid4().hex[:16]
        record = self._append(action, Entry.INTENDED, step)
        with self._lock:
            self._open[action] = record
        return action

    def resume(self, action: str, step: Step) -> str:
        """Writes that an interrupted action is taken up again, and gives its id."""
        self._append(action, Entry.RESUMED, step)
        return action

    def note_under_way(self, action_id: str, action: Action) -> None:
        """Notes, for this process only, that an action goes on outside of any pass."""
        with self._lock:
            self._under_way[action_id] = action

    def under_way(self, uid: str) -> list[tuple[Record, Action]]:
        """Actions of an object that this process has begun and that go on, oldest first."""
        with self._lock:
            going_on = [(self._open.get(id_), action) for id_, action in self._under_way.items()]
        return [
            (record, action) for record, action in going_on if record and record.step.uid == uid
        ]

    def finish(
        self, action: str, entry: Entry, step: Step, *, outcome: str, verification: str = ""
    ) -> Record:
        """Writes the outcome of an action.

        Args:
            action: id that `intend` gave.
            entry: one of OUTCOMES.
            step: the action.
            outcome: result or error, for people.
            verification: what the fresh look at the world showed.
        """
        record = self._append(action, entry, step, outcome, verification)
        with self._lock:
            self._open.pop(action, None)
            self._under_way.pop(action, None)
        return record

    def approve(self, action: str, step: Step, how: str) -> None:
        """Writes which approval an action makes use of.

        Args:
            action: id that `intend` gave.
            step: the action.
            how: which plan was approved, and by whom.
        """
        self._append(action, Entry.APPROVED, step, how)

    def relapse(self, action: str, step: Step, why: str) -> None:
        """Writes that an action which had succeeded did not last."""
        self._append(action, Entry.RELAPSED, step, why)

    def approvals_used(self, uid: str) -> int:
        """How many actions on an object were approved and taken: each approval is good for one use."""
        rows = self._database.read(
            _APPROVALS_USED, (uid, Entry.APPROVED, Entry.SUCCEEDED, Entry.APPLIED)
        )
        return int(rows[0][0])

    def unfinished(self, uid: str) -> list[Record]:
        """Intents of an object that have no outcome, oldest first: a crash came between."""
        with self._lock:
            return [record for record in self._open.values() if record.step.uid == uid]

    def actions_since(self, uid: str, since: datetime) -> int:
        """How many actions were begun for an object since a time."""
        rows = self._database.read(
            "SELECT count(*) FROM audit_trail WHERE uid = ? AND entry = ? AND at >= ?",
            (uid, Entry.INTENDED, stamp(since)),
        )
        return int(rows[0][0])

    def all_actions_since(self, since: datetime) -> int:
        """How many actions were begun for all objects since a time."""
        rows = self._database.read(
            "SELECT count(*) FROM audit_trail WHERE entry = ? AND at >= ?",
            (Entry.INTENDED, stamp(since)),
        )
        return int(rows[0][0])

    def begun(self, uid: str, since: datetime) -> list[Record]:
        """The intents of an object since a time, oldest first."""
        rows = self._database.read(_BEGUN, (uid, Entry.INTENDED, stamp(since)))
        return [_record(row) for row in rows]

    def history(self, uid: str, since: datetime) -> list[Record]:
        """Intents, outcomes and relapses of an object since a time, oldest first."""
        rows = self._database.read(
            _HISTORY, (uid, Entry.INTENDED, *OUTCOMES, Entry.RELAPSED, stamp(since))
        )
        return [_record(row) for row in rows]

    def latest(self, uid: str, step: str) -> Record | None:
        """The newest entry about a step of an object, by the step's key, or None."""
        rows = self._database.read(_LATEST, (uid, step))
        return _record(rows[0]) if rows else None

    def records(self) -> Iterator[Record]:
        """All entries, oldest first; read in parts."""
        last = 0
        while rows := self._database.read(_PART, (last, _PAGE)):
            yield from map(_record, rows)
            last = rows[-1][0]

    def verify(self) -> int | None:
        """Checks the chain, and that rows are found by what their entries say.

        Returns:
            The position of the first entry that does not fit, or None where all is well.
        """
        with self._database.snapshot(long=True) as cursor:
            last, head = cursor.execute(_HEAD).fetchone() or _START
            previous, expected = GENESIS, 1
            for seq, at, action, entry, document, stored, *found_by in cursor.execute(_CHAIN):
                body = _bytes(document)
                if seq != expected or stored != digest(previous, at, action, entry, body):
                    return expected
                if found_by != _found_by(body):
                    return expected
                previous, expected = stored, expected + 1
        # The newest entries leave no gap when they are removed: the head remembers them.
        return None if (expected - 1, previous) == (last, head) else expected

    def _append(
        self, action: str, entry: Entry, step: Step, outcome: str = "", verification: str = ""
    ) -> Record:
        step = replace(step, reason=self._redact(step.reason))
        outcome, verification = self._redact(outcome), self._redact(verification)
        document = orjson.dumps(
            {**asdict(step), "outcome": outcome, "verification": verification},
            option=orjson.OPT_SORT_KEYS,
            default=str,
        )
        with self._database.write() as cursor:
            if entry in _BEGINNINGS:
                self._fence(cursor)
            # Stamped inside the write lock: order of time and order of the chain agree.
            at = stamp(self._now())
            last, head = cursor.execute(_HEAD).fetchone() or _START
            seq, hash_ = last + 1, digest(head, at, action, entry, document)
            name = _name(step.object)
            cursor.execute(
                "INSERT INTO audit_trail (seq, at, action, entry, uid, step, document, hash, name)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (seq, at, action, entry, step.uid, step.step, document, hash_, name),
            )
            cursor.execute("DELETE FROM audit_head")
            cursor.execute("INSERT INTO audit_head VALUES (?, ?)", (seq, hash_))
            self._database.announce(cursor, 0)  # no revision of an object: who follows looks
        return Record(seq, at, action, entry, step, outcome, verification, hash_)

    def _load_open(self) -> list[Record]:
        rows = self._database.read(_OPEN, (Entry.INTENDED, *OUTCOMES))
        return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> Record:
    seq, at, action, entry, document, digest = row
    fields = orjson.loads(document)
    outcome, verification = fields.pop("outcome"), fields.pop("verification")
    return Record(seq, at, action, Entry(entry), Step(**fields), outcome, verification, digest)


def migrate(database: SqlDatabase) -> None:
    """Makes the tables, or brings them up to date."""
    database.migrate("audit", SCHEMA)
    while rows := database.read(_NAMELESS, (_PAGE,)):  # entries of an older version
        with database.write() as cursor:
            for seq, document in rows:
                name = _name(orjson.loads(document).get("object", "")) or "-"
                cursor.execute("UPDATE audit_trail SET name = ? WHERE seq = ?", (name, seq))


def _name(object_: str) -> str:
    return object_.rpartition("/")[2]


def _bytes(document: bytes | str) -> bytes:
    # A row that someone edited by hand may come back as text.
    return document.encode() if isinstance(document, str) else document


def _found_by(document: bytes) -> list[str]:
    """The columns that repeat what the document says."""
    fields = orjson.loads(document)
    return [fields["uid"], fields["step"], _name(fields["object"])]


def stamp(when: datetime) -> str:
    """A time as entries have it: texts compare as the times do."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
