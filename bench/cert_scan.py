"""How long it takes to look at many endpoints, and what it costs: real handshakes that take a while.

    python bench/cert_scan.py [--endpoints 200] [--delay 50] [--rounds 5]

One Certificate with that many endpoints, as the kind looks at it: every handshake, chain and verdict. The
servers are another process, which answers the first message of a handshake after a delay, as a network does.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.tls import Authority

from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.adapters.clock import SystemClock
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.adapters.tls.certificates import TlsCertificates, in_data_folder
from swarmkeeper.runtime.certificates import Endpoint, Facts, Trust


def main() -> None:
    """Measures and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=200)
    parser.add_argument("--delay", type=float, default=50, help="milliseconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.endpoints, options.delay / 1000))
        return
    with servers(options.endpoints, options.delay) as (folder, ports):
        clock = SystemClock()
        secrets = SecretFolder(folder, lambda _: None)
        published = folder / "published"
        port = in_data_folder(secrets, folder, published, clock, ("127.0.0.1", 0))
        endpoints = [Endpoint("127.0.0.1", one, "app.test") for one in ports]
        rounds = [scan(port, endpoints) for _ in range(options.rounds)]
    wall, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{options.endpoints} endpoints, {options.delay:g} ms each to shake hands:")
    print(f"{wall:6.2f} s (aim: < 2), {cpu:.2f} s of CPU, worst {max(rounds)[0]:.2f} s")


def scan(port: TlsCertificates, endpoints: list[Endpoint]) -> tuple[float, float]:
    """(seconds, seconds of CPU) of one look."""
    began, used = time.perf_counter(), time.process_time()
    found = port.served(endpoints, Trust(SecretKeyReference(name="ca")), timeout=30)
    taken = time.perf_counter() - began, time.process_time() - used
    assert all(isinstance(one.facts, Facts) and not one.facts.distrust for one in found)
    return taken


@contextmanager
def servers(count: int, delay: float) -> Iterator[tuple[Path, list[int]]]:
    """A folder with the CA, and the ports of servers that show certificates by it."""
    with tempfile.TemporaryDirectory(prefix="swarmkeeper-bench-") as name:
        folder, authority = Path(name), Authority()
        (folder / "ca").write_bytes(authority.pem)
        authority.issue("app.test").write(folder)
        command = [sys.executable, __file__, "--serve", name]
        command += ["--endpoints", str(count), "--delay", str(delay)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield folder, [int(one) for one in process.stdout.readline().split()]
            finally:
                process.kill()


async def serve(folder: Path, count: int, delay: float) -> None:
    """Listens on that many ports until it is killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.crt", folder / "pair.key")

    loop, tasks = asyncio.get_running_loop(), set()

    async def shake(connection: socket.socket) -> None:
        await asyncio.sleep(delay)
        with suppress(OSError):
            await loop.connect_accepted_socket(asyncio.Protocol, connection, ssl=context)

    async def listen(listener: socket.socket) -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(shake(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    for listener in listeners:
        listener.setblocking(False)
    print(*(listener.getsockname()[1] for listener in listeners), flush=True)
    await asyncio.gather(*map(listen, listeners))


if __name__ == "__main__":
    main()
