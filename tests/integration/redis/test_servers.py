"""Servers that can't be asked, or refuse: each has a reason of its own. And those that are many."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.redis_server import RedisServer, free_port, missing, redis_server

from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.adapters.redis.streams import RedisStreams
from swarmkeeper.adapters.secret_folder import SecretFolder
from swarmkeeper.runtime.streams import Stream, StreamError, StreamKey, StreamServer, Trim

pytestmark = pytest.mark.integration
SECRET = "correct-horse-battery"


@pytest.fixture(scope="module", autouse=True)
def _redis() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def streams(secrets: Path, tmp_path: Path) -> Iterator[RedisStreams]:
    streams = RedisStreams(SecretFolder(secrets, lambda _: None), tmp_path / "exports")
    yield streams
    streams.close()


def look(streams: RedisStreams, server: StreamServer, key: str = "events") -> Stream:
    return streams.look(StreamKey(server, key), keep=1000, stuck_after=60, count_at_most=1000)


def reason(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(StreamError) as caught:
        call()
    assert SECRET not in caught.value.message
    return caught.value.reason, caught.value.message


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_a_server_that_is_not_there(streams: RedisStreams) -> None:
    server = StreamServer(f"redis://127.0.0.1:{free_port()}")

    found, message = reason(lambda: look(streams, server))

    assert found == "ServerUnreachable"
    assert "refused" in message


def test_a_server_that_goes_and_comes_back(streams: RedisStreams) -> None:
    with redis_server() as redis:
        server = StreamServer(redis.url)
        look(streams, server)
        redis.stop()
        assert reason(lambda: look(streams, server))[0] == "ServerUnreachable"
        redis.start()
        assert look(streams, server).exists is False


def test_a_server_that_is_frozen_is_given_up_on(streams: RedisStreams) -> None:
    with redis_server() as redis:
        server = StreamServer(redis.url, timeout=0.3)
        redis.signal(signal.SIGSTOP)
        assert reason(lambda: look(streams, server))[0] == "ServerUnreachable"
        redis.signal(signal.SIGCONT)
        eventually(lambda: not look(streams, StreamServer(redis.url)).exists)


def test_a_password_is_asked_for_and_may_be_wrong_missing_or_renewed(
    streams: RedisStreams, secrets: Path
) -> None:
    ref = SecretKeyReference(name="redis_password")
    with redis_server("--requirepass", SECRET) as redis:
        server = StreamServer(redis.url, password=ref)
        assert reason(lambda: look(streams, StreamServer(redis.url)))[0] == "AuthenticationFailed"
        found, message = reason(lambda: look(streams, server))
        assert (found, "redis_password" in message) == ("SecretMissing", True)
        (secrets / "redis_password").write_text("wrong")
        assert reason(lambda: look(streams, server))[0] == "AuthenticationFailed"
        (secrets / "redis_password").write_text(f"{SECRET}\n")
        assert look(streams, server).exists is False


def test_a_user_who_may_not(streams: RedisStreams, secrets: Path) -> None:
    (secrets / "pw").write_text(SECRET)
    allowed = ("+@read", "+info", "-xinfo")
    with redis_server("--user", "reader", "on", f">{SECRET}", "~*", *allowed) as redis:
        server = StreamServer(redis.url, "reader", SecretKeyReference(name="pw"))
        redis.client().xadd("events", {"n": 1})

        found, message = reason(lambda: look(streams, server))

    assert found == "PermissionDenied"
    assert "xinfo" in message.lower()


def test_another_type_under_the_key_is_refused_by_the_server_too(streams: RedisStreams) -> None:
    with redis_server() as redis:
        redis.client().set("events", "x")
        key = StreamKey(StreamServer(redis.url), "events")

        assert reason(lambda: streams.trim_consumed(key, Trim(1, 10)))[0] == "WrongType"


def test_a_replica_is_told_and_takes_no_trim(streams: RedisStreams) -> None:
    port = free_port()
    with (
        redis_server(port=port) as primary,
        redis_server("--replicaof", f"127.0.0.1 {port}") as replica,
    ):
        client = primary.client()
        client.xadd("events", {"n": 1})
        client.xadd("events", {"n": 2})
        client.xgroup_create("events", "workers", id="$")
        server = StreamServer(replica.url)
        eventually(lambda: look(streams, server).length == 2)

        assert look(streams, server).replica_of == f"127.0.0.1:{port}"
        key = StreamKey(server, "events")
        assert reason(lambda: streams.trim_consumed(key, Trim(1, 10)))[0] == "ReadOnlyReplica"


def test_a_server_behind_tls_is_checked(streams: RedisStreams, secrets: Path) -> None:
    port = free_port()
    certificate(secrets)
    options = ("--tls-port", str(port), "--tls-auth-clients", "no")
    files = ("--tls-cert-file", f"{secrets}/crt", "--tls-key-file", f"{secrets}/key")
    authority = ("--tls-ca-cert-file", f"{secrets}/crt")
    with redis_server(*options, *files, *authority):
        url = f"rediss://127.0.0.1:{port}/0"
        ours = StreamServer(url, ca=SecretKeyReference(name="crt"))
        assert look(streams, ours).exists is False
        assert reason(lambda: look(streams, StreamServer(url)))[0] == "CertificateRefused"
        other = StreamServer(f"rediss://localhost:{port}/0", ca=SecretKeyReference(name="crt"))
        assert reason(lambda: look(streams, other))[0] == "CertificateRefused"
        plain = StreamServer(f"redis://127.0.0.1:{port}/0")
        assert reason(lambda: look(streams, plain))[0] == "ServerUnreachable"


def test_a_server_that_speaks_no_tls(streams: RedisStreams) -> None:
    port = free_port()
    with redis_server(port=port):
        found, _ = reason(lambda: look(streams, StreamServer(f"rediss://127.0.0.1:{port}/0")))

    assert found in {"TLSFailed", "ServerUnreachable"}


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[tuple[int, RedisServer, RedisServer]]:
    """A Sentinel that watches a primary and its replica, and fails over at once."""
    first, second, port = free_port(), free_port(), free_port()
    with (
        redis_server(port=first) as primary,
        redis_server("--replicaof", f"127.0.0.1 {first}", port=second) as replica,
    ):
        file = tmp_path / "sentinel.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor mymaster 127.0.0.1 {first} 1\n"
            "sentinel down-after-milliseconds mymaster 500\n"
            "sentinel failover-timeout mymaster 3000\n"
        )
        process = subprocess.Popen(
            ["redis-server", str(file), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield port, primary, replica
        process.kill()
        process.wait(30)


def test_the_primary_is_followed_that_sentinels_name(
    streams: RedisStreams, sentinel: tuple[int, RedisServer, RedisServer]
) -> None:
    port, primary, replica = sentinel
    server = StreamServer(f"redis+sentinel://127.0.0.1:{port}/mymaster", timeout=2)
    primary.client().xadd("events", {"n": 1})

    def length() -> int:
        try:
            return look(streams, server).length
        except StreamError:
            return -1

    eventually(lambda: length() == 1)
    eventually(lambda: replica.client().xlen("events") == 1)
    primary.stop()
    eventually(lambda: replica.client().role()[0] == b"master")
    replica.client().xadd("events", {"n": 2})
    eventually(lambda: length() == 2)

    unknown = StreamServer(f"redis+sentinel://127.0.0.1:{port}/other")
    assert reason(lambda: look(streams, unknown))[0] == "ServerUnreachable"


def test_a_cluster_is_asked_where_the_key_lies(streams: RedisStreams) -> None:
    port = free_port()
    while port > 55_000:  # the cluster's own port is 10,000 above
        port = free_port()
    with redis_server("--cluster-enabled", "yes", port=port) as redis:
        client = redis.client()
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        eventually(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
        for number in range(1, 21):
            client.xadd("events", {"n": number}, id=f"{number}-0")
        client.xgroup_create("events", "workers", id="15-0")
        key = StreamKey(StreamServer(f"redis+cluster://127.0.0.1:{port}"), "events")

        found = streams.look(key, keep=1000, stuck_after=60, count_at_most=1000)
        done = streams.trim_consumed(key, Trim(2, 100))

    assert (found.length, found.boundary, found.version[0] >= 7) == (20, "15-1", True)
    assert (done.removed, done.length, done.held) == (15, 5, True)


def certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that vouches for itself."""
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    rest = ("-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(folder / "key"), "-out", str(folder / "crt"))
    subprocess.run([*make.split(), *files, *rest], check=True, capture_output=True)
