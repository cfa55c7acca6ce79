"""The part of the demo that is about a Redis stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis

from swarmkeeper.commands.demo.api import condition
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.narration import Result
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.swarm import until

STREAM: Final = "tasks:stream"
TASKS: Final = 150
WANTED: Final = 100
_LONG: Final = 120.0  # seconds: the agents are shell scripts, one task at a time


def flooded(scene: Scene) -> None:
    """Many tasks come at once; what all agents have done is trimmed, and nothing else."""
    narrator = scene.narrator
    narrator.chapter("Somebody floods the stream, and one agent lags")
    until(lambda: _is(scene, "Ready", "True"), "the stream to be Ready")
    with _client(scene.stack) as client:
        narrator.shell(f"for i in $(seq {TASKS}); do redis-cli XADD {STREAM} '*' task $i; done")
        began = time.monotonic()
        _add(client)
        with narrator.waiting(f"noticed: {TASKS} tasks, {WANTED} wanted"):
            until(lambda: _is_noticed(scene, client), "the operator to notice")
        narrator.quote(f"status  {_message(scene)}")
        with narrator.waiting("trimmed as the agents went on"):
            until(lambda: _is_well(scene, client), "a short stream, all of it read", _LONG)
        seconds = time.monotonic() - began
        _require_all_done(client)
    narrator.say("every task was read and acknowledged by both groups: nothing unread was lost")
    what = f"{TASKS} tasks flood the stream, {WANTED} wanted; agent-qa lags"
    answer = "trimmed what all had done, waited for the rest"
    scene.results.append(Result(what, answer, None, seconds * 1000))


def _add(client: Any) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(TASKS):
            pipe.xadd(STREAM, {"task": number})
        pipe.execute()


def _is_noticed(scene: Scene, client: Any) -> bool:
    """Whether it tells who is behind; quick agents are done before it looks, and it has trimmed."""
    told = _message(scene)
    return "to do" in told or (client.xlen(STREAM) < TASKS and not told.startswith("0 "))


def _is_well(scene: Scene, client: Any) -> bool:
    trimmed = client.xlen(STREAM) < TASKS  # a condition alone may be of before
    return trimmed and _is(scene, "WithinLength", "True") and _done(client)


def _done(client: Any) -> bool:
    """Whether no group has anything left to do."""
    newest = client.xinfo_stream(STREAM)["last-generated-id"]
    groups = client.xinfo_groups(STREAM)
    return all(g["last-delivered-id"] == newest and not g["pending"] for g in groups)


def _require_all_done(client: Any) -> None:
    """Redis counts what each group was given (since 7.0): all that was ever added."""
    added = client.xinfo_stream(STREAM)["entries-added"]
    for group in client.xinfo_groups(STREAM):
        if group["entries-read"] != added:
            name = group["name"].decode()
            raise DemoError(f"group {name} was given {group['entries-read']} of {added} tasks")


def _is(scene: Scene, type_: str, status: str) -> bool:
    return condition(scene.api.object("redisstreams", "tasks"), type_)[0] == status


def _message(scene: Scene) -> str:
    return condition(scene.api.object("redisstreams", "tasks"), "WithinLength")[1]


@contextmanager
def _client(stack: Stack) -> Iterator[Any]:
    host, port, password = stack.example.address, stack.example.ports.redis, stack.redis_password
    with redis.Redis(host, port, password=password, socket_timeout=10) as client:
        yield client
