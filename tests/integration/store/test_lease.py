"""One operator acts: the lease ends with its holder, and who was succeeded can begin nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.freezing import freeze, freeze_between_writes
from support.postgres import PostgresServer

from swarmkeeper.store.audit import AuditTrail, Entry, Step
from swarmkeeper.store.lease import Lease, LeaseLost
from swarmkeeper.store.opening import Place
from swarmkeeper.store.sql import SqlDatabase
from swarmkeeper.store.tenure import Tenure

pytestmark = pytest.mark.integration

STEP = Step("SwarmService/web", "u", 1, "", "r", "scale", "service/web", "k", "replicas differ")

# Waits for the lease, then acts without a rest while it has it; its token is in each entry.
ACTOR = """
import dataclasses, sys, time
from pathlib import Path
from swarmkeeper.store.audit import AuditTrail, Step
from swarmkeeper.store.lease import Lease, LeaseLost
from swarmkeeper.store.opening import Place

place = Place(Path(sys.argv[1]), sys.argv[2])
database = place.open()
lease = Lease(database, place.hold(), sys.argv[3])
while not lease.acquire():
    time.sleep(0.05)
step = Step("SwarmService/web", "u", 1, "", str(lease.token), "scale", "t", "k", "replicas differ")
trail = AuditTrail(database, fence=lease.check)
print(lease.token, flush=True)
beaten = 0.0
while True:
    try:
        trail.intend(step)
    except LeaseLost:
        print("lost", flush=True)
        break
    if time.monotonic() - beaten > 0.5:
        lease.renew()
        beaten = time.monotonic()
    time.sleep(0.002)  # SQLite does not queue writers: leave the others room
lease.release()
database.close()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(tmp_path)
    server: PostgresServer = request.getfixturevalue("server")
    return Place(tmp_path, server.new_database().url)


@pytest.fixture
def database(place: Place) -> Iterator[SqlDatabase]:
    database = place.open()
    yield database
    database.close()


@contextmanager
def actor(place: Place, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", ACTOR, str(place.data_dir), place.url, name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tokens(database: SqlDatabase) -> list[int]:
    """Of all intents, in the order of the chain."""
    return [int(record.step.reconcile_id) for record in AuditTrail(database).records()]


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_one_has_the_lease_and_hands_it_on_at_once(place: Place, database: SqlDatabase) -> None:
    one, two = (Lease(database, place.hold(), name) for name in ("one", "two"))

    assert (one.acquire(), two.acquire()) == (True, False)
    assert (one.renew(), two.renew(), two.holder()) == (True, False, "one")
    one.release()
    assert (two.acquire(), one.renew()) == (True, False)
    assert (one.token, two.token) == (None, 2)
    two.release()


def test_who_was_succeeded_begins_nothing_and_may_still_tell(
    place: Place, database: SqlDatabase
) -> None:
    lease = Lease(database, place.hold(), "old")
    lease.acquire()
    trail = AuditTrail(database, fence=lease.check)
    action = trail.intend(STEP)
    with database.write() as cursor:  # as a successor does
        cursor.execute("UPDATE lease SET token = token + 1")

    with pytest.raises(LeaseLost):
        trail.intend(STEP)
    with pytest.raises(LeaseLost):
        trail.resume(action, STEP)
    trail.finish(action, Entry.APPLIED, STEP, outcome="done before")

    assert [r.entry for r in trail.records()] == [Entry.INTENDED, Entry.APPLIED]
    assert trail.verify() is None
    assert lease.renew() is False


def test_after_a_kill_the_other_acts_at_once(place: Place, database: SqlDatabase) -> None:
    with actor(place, "one") as one:
        assert line(one) == "1"
        with actor(place, "two") as two:
            time.sleep(0.5)
            one.kill()
            assert line(two) == "2"
            assert within(10, lambda: 2 in tokens(database))

    found = tokens(database)
    assert found == sorted(found)
    assert AuditTrail(database).verify() is None


def test_a_holder_that_could_not_renew_takes_the_lease_for_expired_before_anyone_may_take_it(
    place: Place, database: SqlDatabase
) -> None:
    now = 0.0
    lease = Lease(database, place.hold(), "one", clock=lambda: now)
    other = Lease(database, place.hold(), "two", clock=lambda: now)
    lease.acquire()
    other.acquire()

    now = 2.5
    assert (lease.valid, other.acquire(), other.acquire()) == (False, False, False)
    assert (lease.renew(), lease.valid) == (True, True)
    lease.release()
    other.release()


def test_a_holder_that_wakes_up_after_it_was_succeeded_does_nothing(place: Place) -> None:
    with actor(place, "one") as one:
        assert line(one) == "1"
        if place.url:
            freeze(one)
        else:
            freeze_between_writes(one, place.file)
        with actor(place, "two") as two:
            assert line(two) == "2"
            one.send_signal(signal.SIGCONT)
            one.wait(30)
            database = place.open()
            assert within(10, lambda: tokens(database)[-1] == 2)

    found = tokens(database)
    assert found == sorted(found)
    assert AuditTrail(database).verify() is None
    database.close()


def test_a_lock_file_that_can_not_be_read_any_more_ends_the_tenure(tmp_path: Path) -> None:
    place, ended = Place(tmp_path / "data"), threading.Event()
    place.data_dir.mkdir()
    database = place.open()
    tenure = Tenure(place, database)
    assert tenure.begin(lambda: None, ended.set)

    place.data_dir.rename(tmp_path / "elsewhere")
    place.data_dir.write_text("no folder")

    assert ended.wait(30)
    assert (tenure.acts, tenure.lost.startswith("the lease can't be kept: ")) == (False, True)
    tenure.end()
    database.close()
