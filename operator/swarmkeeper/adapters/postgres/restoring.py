"""Restores a backup beside the database in use, and lets the two change places; and back again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from swarmkeeper.adapters.postgres import checks, dumping, folder, inplace, swapping
from swarmkeeper.adapters.postgres import drill as drills
from swarmkeeper.adapters.postgres.checks import Dumped
from swarmkeeper.adapters.postgres.children import Leash
from swarmkeeper.adapters.postgres.clients import Clients, clients, returned
from swarmkeeper.adapters.postgres.connection import Access
from swarmkeeper.adapters.postgres.drill import Stage
from swarmkeeper.adapters.postgres.dumping import Open, Tell
from swarmkeeper.adapters.postgres.manifest import Manifest
from swarmkeeper.adapters.postgres.rechecking import read
from swarmkeeper.adapters.postgres.swapping import OURS
from swarmkeeper.runtime.backup_tasks import Checks, Level, Method, Restore, SwapBack
from swarmkeeper.runtime.backups import BackupError

_UNSEEN: Final = "whether clients are back is unknown"
_TOKEN: Final = re.compile(r"[0-9a-f]{8}")
_ROOM: Final = 38  # characters of a database's name that are left for it in the names made of it


def restore(task: Restore, open_: Open, leash: Leash, tell: Tell) -> str:
    """Takes a safety backup, restores into a new database, counts, and swaps.

    It may be asked for again after a crash: what has changed places already is left so.

    Raises:
        BackupError: it can't be done; the database in use is as it was.
    """
    if task.method is Method.IN_PLACE:
        return inplace.restore(task, open_, leash, tell)
    access, name = open_(task.server), task.server.database
    mark = f"{OURS}{task.backup} restored, {task.token}"
    with swapping.maintenance(access) as connection:
        current = swapping.comment(connection, name)
    if current == mark:
        return f"{task.backup} was restored before an interruption; {_UNSEEN}"
    safety = ""
    if current is not None and task.safety is not None:
        safety = "; " + dumping.take(task.safety, open_, leash, tell)
    with folder.held(task.folder) as held:
        path = Path(task.folder) / task.backup
        manifest = read(path)
        tell("restore", path, 0)
        stage = Stage(path, task.folder, held.lock, access, leash)
        rows = _beside(task, manifest, stage, mark)
        former, before = _swapped_in(task, access, leash)
    kept = f"; the former database is {former}" if former else ""
    with swapping.maintenance(access) as connection:
        back = returned(connection, name, before, task.reconnect, leash)
    return f"restored {task.backup}: {rows} rows{kept}{safety}; {back}"


def swap_back(task: SwapBack, open_: Open, leash: Leash, tell: Tell) -> str:
    """Puts a former database in the place of the restored one, which stays under another name.

    Raises:
        BackupError: there is none.
    """
    access, name = open_(task.server), task.server.database
    tell("swap", Path("/nonexistent"), 0)
    with swapping.maintenance(access) as connection:
        known = swapping.beginning_with(connection, f"{name[:_ROOM]}_before_")
        former = task.former or (known[-1] if known else "")
        if former not in known:
            if swapping.comment(connection, name) == f"{OURS}swapped back, {task.token}":
                return f"it was swapped back before an interruption; {_UNSEEN}"
            raise BackupError("NothingToSwap", f"there is no former database {former or 'of it'}")
        undone = f"{name[:_ROOM]}_undone_{task.now:%Y%m%dt%H%M%S}"
        swapping.drain(connection, name, task.drain, leash)
        swapping.note(connection, former, f"{OURS}swapped back, {task.token}")
        before = clients(connection, name)
        swapping.rename(connection, (name, undone), (former, name))
        back = returned(connection, name, before, task.reconnect, leash)
    return f"{former} is in use again; what was restored is {undone}; {back}"


def _beside(task: Restore, manifest: Manifest, stage: Stage, mark: str) -> int:
    """Restores into a new database, and counts there; gives the number of rows."""
    access, name = stage.access, task.server.database
    if access is None or manifest.database != name:
        text = f"{task.backup} is of the database {manifest.database}, not of {name}"
        raise BackupError("Foreign", text)
    dumped = Dumped(stage.folder, manifest.format, name, manifest.program_major)
    checks.check(dumped, Checks(Level.FULL), stage.leash)
    beside = _beside_name(task)
    with swapping.maintenance(access) as connection:
        _make_room(connection, name)
        swapping.create_like(connection, beside, name, manifest.encoding)
        drills.restore(manifest, swapping.at(access, beside), stage, task.jobs)
        with swapping.at(access, beside).connect() as restored:
            rows, fault = drills.count(restored, manifest, stage.leash)
        if fault is not None:
            swapping.drop(connection, beside)
            raise BackupError(fault.reason, fault.message)
        swapping.note(connection, beside, mark)
    return rows


def _make_room(connection: swapping.Connection, name: str) -> None:
    """Removes what restores that were killed have left: none works while we hold the folder's lock."""
    prefix = f"{name[:_ROOM]}_restoring_"
    for left in swapping.beginning_with(connection, prefix):
        if _TOKEN.fullmatch(left.removeprefix(prefix)):
            swapping.drop(connection, left)


def _swapped_in(task: Restore, access: Access, leash: Leash) -> tuple[str, Clients | None]:
    """Lets the two change places.

    Returns:
        The former one's name, or nothing where there was none, and who was connected to it.
    """
    name = task.server.database
    beside = _beside_name(task)
    with swapping.maintenance(access) as connection:
        if swapping.comment(connection, name) is None:
            swapping.rename(connection, (beside, name))
            return "", Counter()
        former = f"{name[:_ROOM]}_before_{task.now:%Y%m%dt%H%M%S}"
        swapping.drain(connection, name, task.drain, leash)
        before = clients(connection, name)
        swapping.rename(connection, (name, former), (beside, name))
    return former, before


def _beside_name(task: Restore) -> str:
    """A name that no other request has."""
    return f"{task.server.database[:_ROOM]}_restoring_{task.token[:8]}"
