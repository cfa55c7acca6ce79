"""The work queue hands out each key once, and never twice at a time."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.controller.queue import WorkQueue


class Time:
    """Seconds that move only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_added_many_times_is_handed_out_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        queue.add("a")

    assert queue.get(0) is not None
    assert queue.get(0) is None


def test_a_key_added_while_its_pass_runs_is_handed_out_after_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.get(0)
    queue.add("a")

    assert queue.get(0) is None
    queue.done("a", after=3600)
    assert (queue.get(0) or ("", 0))[0] == "a"


def test_a_key_becomes_due_by_itself_after_its_time() -> None:
    time = Time()
    queue: WorkQueue[str] = WorkQueue(monotonic=time)
    queue.add("a")
    queue.get(0)
    queue.done("a", after=30)

    time.now += 29
    assert queue.get(0) is None
    time.now += 2
    assert (queue.get(0) or ("", 0))[0] == "a"


def test_an_early_look_replaces_the_later_time() -> None:
    time = Time()
    queue: WorkQueue[str] = WorkQueue(monotonic=time)
    queue.add("a")
    queue.get(0)
    queue.done("a", after=30)
    queue.add("a")
    queue.get(0)
    queue.done("a", after=60)

    time.now += 31
    assert queue.get(0) is None
    time.now += 30
    assert queue.get(0) is not None


def test_an_urgent_key_goes_first_even_if_it_waited_already() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add("c", urgent=True)

    assert [(queue.get(0) or ("", 0))[0] for _ in range(3)] == ["c", "a", "b"]


def test_a_gone_key_is_not_due_again() -> None:
    time = Time()
    queue: WorkQueue[str] = WorkQueue(monotonic=time)
    queue.add("a")
    queue.get(0)
    queue.done("a", after=None)

    time.now += 10**6
    assert queue.get(0) is None


def test_what_waits_and_what_does_not_end_is_known() -> None:
    time = Time()
    queue: WorkQueue[str] = WorkQueue(monotonic=time)
    for key in ("a", "b"):
        queue.add(key)
    queue.get(0)
    time.now += 7
    assert (queue.longest_wait(), queue.longest_pass()) == (7, 7)

    queue.get(0)
    queue.done("a", after=1)
    queue.done("b", after=None)
    assert (queue.longest_wait(), queue.longest_pass()) == (0, 0)
    time.now += 31
    assert queue.longest_wait() == 30


def test_an_empty_queue_has_kept_nobody_waiting() -> None:
    queue: WorkQueue[str] = WorkQueue()

    assert (queue.longest_wait(), queue.longest_pass()) == (0, 0)


def test_closing_ends_every_wait() -> None:
    queue: WorkQueue[str] = WorkQueue()
    ended = []
    threads = [threading.Thread(target=lambda: ended.append(queue.get())) for _ in range(3)]
    for thread in threads:
        thread.start()
    queue.close()
    for thread in threads:
        thread.join(5)

    assert ended == [None, None, None]


def test_an_earlier_time_wakes_those_who_wait_for_a_later_one() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("late", "early"):
        queue.add(key)
        queue.get(0)
    queue.done("late", after=3600)
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: got.append((queue.get(5) or ("", 0))[0])) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    queue.done("early", after=0.05)
    while not got:
        threads[0].join(0.01)
    queue.close()
    for thread in threads:
        thread.join(5)

    assert "early" in got


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 3))
def test_no_key_is_processed_twice_at_a_time_and_none_is_lost(keys: list[str], width: int) -> None:
    queue: WorkQueue[str] = WorkQueue()
    running: Counter[str] = Counter()
    seen: set[str] = set()
    in_flight: list[str] = []
    for key in keys:
        queue.add(key)
        if len(in_flight) >= width:
            finished = in_flight.pop(0)
            running[finished] -= 1
            queue.done(finished, after=None)
        if (item := queue.get(0)) is not None:
            running[item[0]] += 1
            assert running[item[0]] == 1
            in_flight.append(item[0])
            seen.add(item[0])
    for key in in_flight:
        queue.done(key, after=None)
    while (item := queue.get(0)) is not None:
        seen.add(item[0])
        queue.done(item[0], after=None)

    assert seen == set(keys)
