"""Fetches the chain that a server shows, whatever it is worth: expired, self-signed, of another name.

Nothing is sent over such a connection. pyOpenSSL, because the standard library shows no chain that it
does not trust before Python 3.13.
"""

from __future__ import annotations

import select
import socket
import time
from typing import Final

from cryptography import x509
from OpenSSL import SSL

_CIPHERS: Final = b"DEFAULT:@SECLEVEL=0"  # also what is too weak to be used is to be seen


class HandshakeError(Exception):
    """No certificate was seen; the message says why."""


def addresses(host: str, port: int) -> list[str]:
    """Every address of a host, in the resolver's order.

    Raises:
        HandshakeError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HandshakeError(f"{host} can't be resolved: {_said(error)}") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def chain(address: str, port: int, server_name: str, timeout: float) -> list[x509.Certificate]:
    """The certificates that a server shows, its own first.

    Args:
        address: IP address.
        port: TCP port.
        server_name: for SNI; an address is not sent.
        timeout: seconds for all of it.

    Raises:
        HandshakeError: there was no handshake.
    """
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.setblocking(False)
            return _shake(connection, server_name, deadline)
    except TimeoutError:
        raise HandshakeError(f"no answer within {timeout:g} s") from None
    except (OSError, SSL.Error, ValueError) as error:
        raise HandshakeError(_said(error)) from None


def _shake(connection: socket.socket, server_name: str, deadline: float) -> list[x509.Certificate]:
    session = SSL.Connection(_context(), connection)
    if not _is_address(server_name):
        session.set_tlsext_host_name(server_name.encode("idna"))
    session.set_connect_state()
    while True:
        try:
            session.do_handshake()
            break
        except SSL.WantReadError:
            _wait(connection, select.POLLIN, deadline)
        except SSL.WantWriteError:
            _wait(connection, select.POLLOUT, deadline)
    shown = session.get_peer_cert_chain(as_cryptography=True)
    if not shown:
        raise HandshakeError("it shows no certificate")
    return list(shown)


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)  # it is judged afterwards, by chains.py
    context.set_cipher_list(_CIPHERS)
    return context


def _wait(connection: socket.socket, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(connection, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return True
    return False


def _said(error: Exception) -> str:
    """What a library said, without its numbers."""
    if isinstance(error, SSL.SysCallError):
        return f"the server ended the handshake: {error.args[-1]}"
    if isinstance(error, SSL.Error):
        words = [part[-1] for part in (error.args[0] if error.args else []) if part]
        return f"no TLS handshake: {', '.join(words) or 'the server closed the connection'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
