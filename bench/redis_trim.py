"""What other clients feel of a trim: 1,000,000 entries to 10,000, in a private Redis.

    python bench/redis_trim.py [--entries 1000000] [--keep 10000] [--rounds 3]

In turns, on the same server: the `trim` runbook of a RedisStream (batches of 10,000, what is safe is worked
out for each), and a single `XTRIM MAXLEN =`, which looks at no reader. Meanwhile another process sends PING
after PING, and writes an entry with each; the longest answer is told, less the median without any trim.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.streams import StreamKey, StreamServer, Trim

FILL = """
for i = 1, tonumber(ARGV[1]) do
  redis.call('XADD', KEYS[1], '*', 'task', 'summarise', 'payload', 'about a hundred bytes of text, say')
end
"""
CHUNK = 10_000
BATCH = 10_000


def main() -> None:
    """Measures and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--keep", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pinger", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pinger:
        ping(options.pinger)
        return
    with server() as (socket, client, folder):
        streams = RedisStreams(SecretFolder(folder, lambda _: None), folder / "exports")
        key = StreamKey(StreamServer(f"unix://{socket}"), "events")
        ways: dict[str, Callable[[], object]] = {
            "swarmkeeper": lambda: streams.trim_consumed(key, Trim(options.keep, BATCH)),
            "XTRIM =": lambda: client.xtrim("events", maxlen=options.keep, approximate=False),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                fill(client, options.entries)
                found[name].append(measured(socket, way))
        streams.close()
    report(found)


def measured(socket: str, trim: Callable[[], object]) -> tuple[float, float]:
    """(seconds that it took, extra milliseconds of the worst answer meanwhile)."""
    command = [sys.executable, __file__, "--pinger", socket]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        median = float(process.stdout.readline())
        began = time.perf_counter()
        trim()
        seconds = time.perf_counter() - began
        out, _ = process.communicate("\n", timeout=60)
        return seconds, (json.loads(out)["worst"] - median) * 1000


def ping(socket: str) -> None:
    """Asks without a pause: tells the median before, and the worst once it is told to end."""
    import select  # noqa: PLC0415 - for this process only

    client = redis.Redis(unix_socket_path=socket)
    print(statistics.median(answer(client) for _ in range(2000)), flush=True)
    worst = 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        worst = max(worst, answer(client))
    print(json.dumps({"worst": worst}))


def answer(client: Any) -> float:
    """Seconds until a PING and a write are answered."""
    began = time.perf_counter()
    client.ping()
    client.xadd("others", {"n": 1}, maxlen=100)
    return time.perf_counter() - began


def fill(client: Any, entries: int) -> None:
    """A stream whose only group has read and acknowledged everything."""
    client.delete("events")
    for _ in range(entries // CHUNK):
        client.eval(FILL, 1, "events", CHUNK)
    client.xgroup_create("events", "workers", id="$")


@contextmanager
def server() -> Iterator[tuple[str, Any, Path]]:
    """A Redis of its own, without persistence."""
    with tempfile.TemporaryDirectory(prefix="swarmkeeper-bench-") as name:
        socket = f"{name}/socket"
        command = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--save",
            "",
            "--dir",
            name,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not Path(socket).exists():
                time.sleep(0.01)
            yield socket, redis.Redis(unix_socket_path=socket, socket_timeout=120), Path(name)
        finally:
            process.kill()
            process.wait(30)


def report(found: dict[str, list[tuple[float, float]]]) -> None:
    """Prints the medians and their ratio."""
    worst = {}
    for name, rounds in found.items():
        seconds = statistics.median(seconds for seconds, _ in rounds)
        worst[name] = statistics.median(extra for _, extra in rounds)
        print(
            f"{name:12} {seconds * 1000:8.1f} ms in all, others wait {worst[name]:6.2f} ms longer"
        )
    print(f"ratio of the longer waits: {worst['swarmkeeper'] / worst['XTRIM =']:.2f} (aim: 0.33)")


if __name__ == "__main__":
    main()
