"""What is seen of the certificates that real servers show, whatever they are worth."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.redis_server import free_port
from support.tls import DAY, Authority, Pair, TlsServer, self_signed

from desired_state.secret_reference import SecretKeyReference
from swarmkeeper.adapters.tls.certificates import TlsCertificates
from swarmkeeper.runtime.certificates import CertificateError, Endpoint, Facts, Trust
from swarmkeeper.runtime.unknown import Unknown

pytestmark = pytest.mark.integration
OURS = Trust(SecretKeyReference(name="ca"))


def endpoint(server: TlsServer, name: str = "app.test") -> Endpoint:
    return Endpoint("127.0.0.1", server.port, name)


def seen(
    certificates: TlsCertificates, server: TlsServer, name: str = "app.test", trust: Trust = OURS
) -> Facts:
    (found,) = certificates.served([endpoint(server, name)], trust, timeout=30)
    assert isinstance(found.facts, Facts), found.facts
    return found.facts


def test_a_certificate_is_read_as_it_is_served(
    certificates: TlsCertificates, server: TlsServer, authority: Authority
) -> None:
    pair = authority.issue("app.test", "*.app.test", "127.0.0.1")
    server.show(pair)

    found = seen(certificates, server)

    assert (found.serial, found.distrust) == (pair.serial, "")
    assert found.names == ("app.test", "*.app.test", "127.0.0.1")
    assert found.not_after == pair.certificate.not_valid_after_utc
    assert found.issuer == "CN=Test CA"


def test_each_name_gets_its_own_certificate(
    certificates: TlsCertificates, server: TlsServer, authority: Authority
) -> None:
    other = authority.issue("other.test")
    server.show(other, "other.test")

    assert seen(certificates, server, "other.test").serial == other.serial
    assert seen(certificates, server).serial != other.serial


def of_another_ca(_: Authority) -> Pair:
    return Authority("Another CA").issue("app.test")


def of_nobody(_: Authority) -> Pair:
    return self_signed("app.test")


def without_its_intermediate(authority: Authority) -> Pair:
    return authority.issue("app.test", whole=False)


@pytest.mark.parametrize("make", [of_another_ca, of_nobody, without_its_intermediate])
def test_what_is_not_trusted_is_read_all_the_same(
    certificates: TlsCertificates,
    server: TlsServer,
    authority: Authority,
    make: Callable[[Authority], Pair],
) -> None:
    pair = make(authority)
    server.show(pair)

    found = seen(certificates, server)

    assert found.serial == pair.serial
    assert found.distrust


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)], ids=["expired", "not yet valid"])
def test_a_time_that_does_not_fit_is_no_matter_of_trust(
    certificates: TlsCertificates, server: TlsServer, authority: Authority, begins: int, ends: int
) -> None:
    pair = authority.issue("app.test", begins=begins * DAY, ends=ends * DAY)
    server.show(pair)

    found = seen(certificates, server)

    assert found.distrust == ""
    assert (found.not_after < datetime.now(UTC)) is (ends < 0)


def test_a_certificate_that_is_itself_trusted_needs_no_ca(
    certificates: TlsCertificates, server: TlsServer, secrets: Path
) -> None:
    pair = self_signed("app.test")
    server.show(pair)
    (secrets / "pinned").write_bytes(pair.chain)

    found = seen(certificates, server, trust=Trust(SecretKeyReference(name="pinned")))

    assert found.distrust == ""


def test_the_machine_does_not_trust_our_ca(
    certificates: TlsCertificates, server: TlsServer
) -> None:
    assert seen(certificates, server, trust=Trust()).distrust


def test_what_can_not_be_reached_is_unknown(certificates: TlsCertificates) -> None:
    refused = Endpoint("127.0.0.1", free_port(), "app.test")
    nowhere = Endpoint("no-such-host.invalid", 443, "app.test")

    first, second = certificates.served([refused, nowhere], OURS, timeout=30)

    assert isinstance(first.facts, Unknown)
    assert "refused" in first.facts.reason.lower()
    assert isinstance(second.facts, Unknown)
    assert "can't be resolved" in second.facts.reason


def answer(listener: socket.socket, says: bytes) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(says)
        connection.settimeout(30)
        while connection.recv(4096):
            pass


@pytest.mark.parametrize(
    "says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "HTTP"]
)
def test_what_speaks_no_tls_is_unknown(certificates: TlsCertificates, says: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        place = Endpoint("127.0.0.1", port, "app.test")
        if says:
            threading.Thread(target=answer, args=(listener, says), daemon=True).start()
        (found,) = certificates.served([place], OURS, timeout=2)

    assert isinstance(found.facts, Unknown)
    assert found.facts.reason.startswith("no TLS handshake" if says else "no answer within")


def test_every_address_of_a_host_is_asked(
    certificates: TlsCertificates, server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def two(host: str, *args: Any, **options: Any) -> list[Any]:
        hosts = ("127.0.0.1", "127.0.0.2") if host == "app" else (host,)
        return [found for one in hosts for found in real(one, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", two)

    found = certificates.served([Endpoint("app", server.port, "app.test")], OURS, timeout=30)

    assert [one.address for one in found] == ["127.0.0.1", "127.0.0.2"]
    assert [isinstance(one.facts, Facts) for one in found] == [True, False]


def test_a_ca_that_can_not_be_read_is_told(
    certificates: TlsCertificates, server: TlsServer
) -> None:
    with pytest.raises(CertificateError) as caught:
        seen(certificates, server, trust=Trust(SecretKeyReference(name="none")))

    assert caught.value.reason == "SecretMissing"
