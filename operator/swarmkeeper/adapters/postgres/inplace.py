"""Restores a backup into the database that is in use, in one transaction.

Nobody is kept out by a setting that a crash would leave behind: the transaction holds locks. Writers
wait from before the safety backup until the end, so nothing is lost in between; readers wait from when
their tables are replaced. Who holds up the transaction loses the connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from psycopg import sql

from swarmkeeper.adapters.postgres import checks, dumping, folder, swapping
from swarmkeeper.adapters.postgres.checks import NAMES, Dumped
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.clients import clients, returned
from swarmkeeper.adapters.postgres.dumping import Open, Tell
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.adapters.postgres.programs import Programs, programs_for
from swarmkeeper.adapters.postgres.rechecking import read
from swarmkeeper.adapters.postgres.swapping import OURS, Connection
from swarmkeeper.adapters.postgres.transaction import Transaction
from swarmkeeper.runtime.backup_tasks import Checks, Format, Level, Restore
from swarmkeeper.runtime.backups import BackupError

_PATIENCE: Final = 60.0  # seconds that something that can't be ended may hold us up
_LOOK: Final = 0.2
_EVICT: Final = """
SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
WHERE a.pid = ANY (pg_catalog.pg_blocking_pids(%s)) AND a.usename IS NOT NULL
"""
_BLOCKED: Final = "SELECT pg_catalog.cardinality(pg_catalog.pg_blocking_pids(%s)) > 0"
# The server ends what it does for us as soon as we are gone, where it can notice (Postgres 14).
_SETTINGS: Final = """
SELECT pg_catalog.set_config(name, '2s', false) FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval';
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
"""
_LOCK: Final = """
SELECT pg_catalog.format('LOCK TABLE ONLY %I.%I IN EXCLUSIVE MODE', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
\\gexec
"""


def restore(task: Restore, open_: Open, leash: Leash, tell: Tell) -> str:
    """Holds writers off, takes a safety backup, restores over what is there, counts, and commits.

    It may be asked for again after a crash: what was committed is left so.

    Raises:
        BackupError: it can't be done; the database is as it was.
    """
    access, name = open_(task.server), task.server.database
    with swapping.maintenance(access) as beside:
        former = swapping.comment(beside, name)
        if former is None:
            text = f"there is no database {name}: restore.method Swap makes a new one"
            raise BackupError("DatabaseMissing", text)
        if former.partition("\n")[0] == _mark(task):
            text = f"{task.backup} was restored before an interruption"
            return f"{text}; whether clients are back is unknown"
        programs = _checked(task, leash, tell)
        before = clients(beside, name)
        swapping.drain(beside, name, task.drain, leash)
        with Transaction(access, programs.path("psql"), leash) as transaction:
            transaction.meanwhile = _evicting(beside, transaction)
            _begin(transaction, name, _comment(task, former))
            safety = _safety(task, open_, leash, tell)
            rows = _restored(task, transaction, programs, tell)
            transaction.ask("COMMIT;")
        back = returned(beside, name, before, task.reconnect, leash)
    return f"restored {task.backup} in place: {rows} rows{safety}; {back}"


def _checked(task: Restore, leash: Leash, tell: Tell) -> Programs:
    """Reads all of the backup before anybody has to wait; gives the programs that can restore it."""
    with folder.held(task.folder):
        path = Path(task.folder) / task.backup
        manifest = read(path)
        if manifest.database != task.server.database:
            text = f"{task.backup} is of the database {manifest.database}"
            raise BackupError("Foreign", text)
        if manifest.format is Format.PLAIN:
            text = f"{task.backup} is plain SQL, which takes nothing away: restore it by the method Swap"
            raise BackupError("MethodUnsupported", text)
        tell("verify", path, 0)
        dumped = Dumped(path, manifest.format, manifest.database, manifest.program_major)
        checks.check(dumped, Checks(Level.FULL), leash)
    return programs_for(manifest.program_major)


def _begin(transaction: Transaction, name: str, comment: str) -> None:
    """From now on nobody else writes. What the role may not do is refused before it has cost much."""
    transaction.ask(_SETTINGS)
    transaction.ask("BEGIN;")
    note = sql.SQL("COMMENT ON DATABASE {} IS {};")
    transaction.ask(note.format(sql.Identifier(name), sql.Literal(comment)).as_string(None))
    transaction.ask(_LOCK)


def _safety(task: Restore, open_: Open, leash: Leash, tell: Tell) -> str:
    """What to tell of the safety backup, which holds all that was ever committed."""
    if task.safety is None:
        return ""
    return "; way back: restore of the safety backup, " + dumping.take(
        task.safety, open_, leash, tell
    )


def _restored(task: Restore, transaction: Transaction, programs: Programs, tell: Tell) -> int:
    """Restores within the transaction and counts there; gives the number of rows."""
    with folder.held(task.folder):
        path = Path(task.folder) / task.backup
        manifest = read(path)
        tell("restore", path, 0)
        words = [programs.path("pg_restore"), "--clean", "--if-exists", "--file=-"]
        transaction.feed([*words, str(path / NAMES[manifest.format])])
        return _count(transaction, manifest)


def _count(transaction: Transaction, manifest: Manifest) -> int:
    total = 0
    for table, wanted in manifest.rows.items():
        schema, _, name = table.partition(".")
        query = sql.SQL("SELECT pg_catalog.count(*) FROM ONLY {};")
        found = int(transaction.ask(query.format(sql.Identifier(schema, name)).as_string(None)))
        if found != wanted:
            text = f"{table} would have {found} rows, {wanted} were dumped"
            raise BackupError("RowsDiffer", text)
        total += found
    return total


def _evicting(beside: Connection, transaction: Transaction) -> Callable[[], None]:
    """Ends the sessions that hold up the transaction, and gives up where that does not help."""
    process: list[int] = []
    since, looked = [time.monotonic()], [0.0]

    def evict() -> None:
        now = time.monotonic()
        if not process or now - looked[0] < _LOOK:
            return
        looked[0] = now
        (blocked,) = beside.execute(_BLOCKED, (process[0],)).fetchone() or (False,)
        if not blocked:
            since[0] = now
        elif now - since[0] > _PATIENCE:
            text = "something that can't be ended holds a lock in the database"
            raise BackupError("DatabaseBusy", text)
        else:
            beside.execute(_EVICT, (process[0],))

    process.append(int(transaction.ask("SELECT pg_catalog.pg_backend_pid();")))
    return evict


def _mark(task: Restore) -> str:
    return f"{OURS}{task.backup} restored in place, {task.token}"


def _comment(task: Restore, former: str) -> str:
    """The mark, and below it what people have written."""
    lines = (one for one in former.splitlines() if not one.startswith(OURS))
    return "\n".join((_mark(task), *lines))
